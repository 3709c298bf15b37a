INSERT INTO event_cancellations (event_id, cancelled_by) VALUES ($1, $2) ON CONFLICT DO NOTHING
