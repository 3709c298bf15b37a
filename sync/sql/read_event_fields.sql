SELECT
  name, starts_at, timezone, venue_id, status, sale_opens_at, sale_closes_at, hold_seconds, max_per_customer
FROM events WHERE id = $1
FOR UPDATE
