INSERT INTO reservations AS known (
  id, event_id, customer_id, status, details, digest, places, total_minor, created_at, expires_at, ended_at, paid_at,
  code, code_kind, currency, updated_at
)
SELECT
  id, event_id, customer_id, status, details::json, digest, places, total_minor,
  instant(created_ms), instant(expires_ms), instant(nullif(ended_ms, 0)), instant(nullif(paid_ms, 0)), code, code_kind,
  currency, instant(updated_ms)
FROM unnest($1::reservation_row[]) AS told
ON CONFLICT (id) DO UPDATE SET
  customer_id = excluded.customer_id,
  status = excluded.status,
  details = excluded.details,
  places = excluded.places,
  total_minor = excluded.total_minor,
  code = excluded.code,
  code_kind = excluded.code_kind,
  expires_at = excluded.expires_at,
  ended_at = excluded.ended_at,
  paid_at = coalesce(known.paid_at, excluded.paid_at),
  updated_at = excluded.updated_at
