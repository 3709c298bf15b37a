-- Not those that somebody writes just now: neither waits for the other. They are found another time. So are those of which an
-- e-ticket has names still: retention finds it by the names of its reservation.
WITH free AS (
  SELECT r.id
  FROM reservations AS r
  WHERE r.id = ANY ($1::text[]) AND r.details::text <> '{}'
    AND NOT EXISTS (SELECT FROM etickets AS t WHERE t.reservation_id = r.id AND t.holder::text <> '{}')
  FOR NO KEY UPDATE OF r SKIP LOCKED
)
UPDATE reservations AS r SET details = '{}' FROM free WHERE r.id = free.id
