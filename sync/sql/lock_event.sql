SELECT
  id AS event_id, version, name, milliseconds(starts_at) AS starts_ms, timezone, venue_id, status,
  milliseconds(sale_opens_at) AS sale_opens_ms, milliseconds(sale_closes_at) AS sale_closes_ms,
  hold_seconds, max_per_customer
FROM events WHERE id = $1
FOR UPDATE
