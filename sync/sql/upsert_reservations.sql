INSERT INTO reservations AS known (
  id, event_id, customer_id, status, details, digest, places, total_minor, created_at, expires_at, ended_at, paid_at
)
SELECT
  id, event_id, customer_id, status, details::json, digest, places, total_minor,
  instant(created_ms), instant(expires_ms), instant(nullif(ended_ms, 0)), instant(nullif(paid_ms, 0))
FROM unnest(
  $1::text[], $2::integer[], $3::text[], $4::text[], $5::text[], $6::text[], $7::integer[], $8::bigint[],
  $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[]
) AS told (
  id, event_id, customer_id, status, details, digest, places, total_minor, created_ms, expires_ms, ended_ms, paid_ms
)
ON CONFLICT (id) DO UPDATE SET
  status = excluded.status,
  details = excluded.details,
  places = excluded.places,
  total_minor = excluded.total_minor,
  expires_at = excluded.expires_at,
  ended_at = excluded.ended_at,
  paid_at = coalesce(known.paid_at, excluded.paid_at)
