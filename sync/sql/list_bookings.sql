-- Of an event ($1), on the local date $2, at the local time $3, after the place ($4, $5); $6: expired at $7, or not. What
-- nobody asked for is null. Local times are compared as they are stored.
SELECT record
FROM booking_records
WHERE event_id = $1
  AND slot >= coalesce($2::date, '-infinity') AND slot < coalesce($2::date + 1, 'infinity')
  AND ($3::time IS NULL OR slot::time = $3)
  AND (slot, id) > ($4::text::timestamp, $5::uuid)
  AND ($6::boolean IS NULL OR (expires_at <= instant($7)) = $6)
ORDER BY slot, id
LIMIT $8
