-- At most $3 bookings of a partition ($2 of $1) that have expired and are not marked yet. Those that somebody writes are found
-- another time: the outbox writer has others, in another order, and would wait for these.
WITH due AS (
  SELECT event_id, id FROM bookings
  WHERE status = 'booked' AND expires_at <= now() AND event_id % $1 = $2
  ORDER BY expires_at
  LIMIT $3
  FOR UPDATE SKIP LOCKED
)
UPDATE bookings AS b SET status = 'expired' FROM due WHERE b.event_id = due.event_id AND b.id = due.id
