-- Of an event ($1), with starts from $2 to before $3, after the place ($4, $5); at the local time $7 of the zone $6;
-- $8: expired at $9, or not. Bounds that nobody asked for are so wide that they bound nothing: the index has them all.
SELECT record
FROM booking_records
WHERE event_id = $1
  AND starts_at >= instant($2) AND starts_at < instant($3)
  AND (starts_at, id) > (instant($4), $5::uuid)
  AND ($7::time IS NULL OR (starts_at AT TIME ZONE $6::text)::time = $7)
  AND ($8::boolean IS NULL OR (expires_at <= instant($9)) = $8)
ORDER BY starts_at, id
LIMIT $10
