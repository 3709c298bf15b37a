-- At most $3 bookings of a partition ($2 of $1) that have expired and are not marked yet.
UPDATE bookings SET status = 'expired'
WHERE (event_id, id) IN (
  SELECT event_id, id FROM bookings
  WHERE status = 'booked' AND expires_at <= now() AND event_id % $1 = $2
  ORDER BY expires_at
  LIMIT $3
)
