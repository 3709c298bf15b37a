INSERT INTO events (
  name, starts_at, timezone, venue_id, status, sale_opens_at, sale_closes_at, hold_seconds, max_per_customer
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
RETURNING id
