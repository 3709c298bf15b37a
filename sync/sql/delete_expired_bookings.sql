-- At most $3 bookings of a partition ($2 of $1) that expired more than $4 seconds ago.
DELETE FROM bookings
WHERE (event_id, id) IN (
  SELECT event_id, id FROM bookings
  WHERE status = 'expired' AND expires_at <= now() - $4::bigint * interval '1 second' AND event_id % $1 = $2
  ORDER BY expires_at
  LIMIT $3
)
