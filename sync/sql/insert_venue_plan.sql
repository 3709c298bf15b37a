INSERT INTO venue_plans (venue_id, plan) VALUES ($1, $2)
