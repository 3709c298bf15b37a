INSERT INTO bookings AS known (
  event_id, id, slot, starts_at, status, details, digest, created_at, changed_at, expires_at, customer_id, phone
)
SELECT
  event_id, id, slot::timestamp, instant(start_ms), 'booked', details::json, digest,
  instant(created_ms), instant(changed_ms), instant(expires_ms), customer_id, phone
FROM unnest(
  $1::integer[], $2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[],
  $10::text[], $11::text[]
) AS told (
  event_id, id, slot, start_ms, details, digest, created_ms, changed_ms, expires_ms, customer_id, phone
)
ON CONFLICT (event_id, id) DO UPDATE SET
  slot = excluded.slot,
  starts_at = excluded.starts_at,
  status = excluded.status,
  details = excluded.details,
  changed_at = excluded.changed_at,
  expires_at = excluded.expires_at,
  customer_id = excluded.customer_id,
  phone = excluded.phone
