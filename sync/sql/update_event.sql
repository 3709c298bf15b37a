UPDATE events SET
  version = nextval('event_versions'),
  name = $2,
  starts_at = $3,
  timezone = $4,
  venue_id = $5,
  status = $6,
  sale_opens_at = $7,
  sale_closes_at = $8,
  hold_seconds = $9,
  max_per_customer = $10
WHERE id = $1
