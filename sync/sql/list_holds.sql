-- As count_holds, without those that are paid; newest first, from the one before ($6, $7).
WITH seat AS (
  SELECT 's' || section_id AS pool, first_place + $4::integer - first_seat_id AS place
  FROM row_places
  WHERE $4 >= first_seat_id AND $4 < first_seat_id + seats
)
SELECT milliseconds(r.created_at) AS created_ms, r.id
FROM reservations AS r
WHERE r.status IN ('held', 'paying')
  AND ($1::integer IS NULL OR r.event_id = $1)
  AND ($2::integer IS NULL OR EXISTS (SELECT FROM reservation_items WHERE reservation_id = r.id AND ticket_id = $2))
  AND ($3::text IS NULL OR r.customer_id = $3)
  AND ($4::integer IS NULL OR EXISTS (
    SELECT FROM reservation_items AS s JOIN seat ON seat.pool = s.pool AND seat.place = ANY (s.seats)
    WHERE s.reservation_id = r.id
  ))
  AND ($5::integer[] IS NULL OR r.event_id = ANY ($5))
  AND ($6::bigint IS NULL OR (r.created_at, r.id) < (instant($6), $7::text))
ORDER BY r.created_at DESC, r.id DESC
LIMIT $8
