-- At most $3 bookings of a partition ($2 of $1) that expired more than $4 seconds ago. Those that somebody writes are found
-- another time (expire_bookings).
WITH old AS (
  SELECT event_id, id FROM bookings
  WHERE status = 'expired' AND expires_at <= now() - $4::bigint * interval '1 second' AND event_id % $1 = $2
  ORDER BY expires_at
  LIMIT $3
  FOR UPDATE SKIP LOCKED
)
DELETE FROM bookings AS b USING old WHERE b.event_id = old.event_id AND b.id = old.id
