INSERT INTO bookings AS known (event_id, id, starts_at, status, details, digest, created_at, changed_at, expires_at)
SELECT
  event_id, id, instant(start_ms), 'booked', details::json, digest,
  instant(created_ms), instant(changed_ms), instant(expires_ms)
FROM unnest(
  $1::integer[], $2::uuid[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[]
) AS told (event_id, id, start_ms, details, digest, created_ms, changed_ms, expires_ms)
ON CONFLICT (event_id, id) DO UPDATE SET
  starts_at = excluded.starts_at,
  status = excluded.status,
  details = excluded.details,
  changed_at = excluded.changed_at,
  expires_at = excluded.expires_at
