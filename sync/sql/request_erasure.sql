INSERT INTO erasures (customer_id, requested_at)
VALUES ($1, instant($2))
ON CONFLICT (customer_id) DO UPDATE SET requested_at = excluded.requested_at, done_at = NULL
