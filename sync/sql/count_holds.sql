-- Of an event ($1), with a ticket ($2), of a customer ($3), with a seat ($4), of some events ($5). What nobody asked for is
-- null. A row without a currency for each status, and one for each of its currencies.
WITH seat AS (
  SELECT 's' || section_id AS pool, first_place + $4::integer - first_seat_id AS place
  FROM row_places
  WHERE $4 >= first_seat_id AND $4 < first_seat_id + seats
)
SELECT
  r.status,
  r.currency,
  count(DISTINCT r.id) AS reservations,
  sum(i.quantity)::bigint AS places,
  count(DISTINCT r.customer_id) AS customers,
  sum(i.quantity * i.unit_minor)::bigint AS amount_minor
FROM reservations AS r
JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.status IN ('held', 'paying', 'paid')
  AND ($1::integer IS NULL OR r.event_id = $1)
  AND ($2::integer IS NULL OR i.ticket_id = $2)
  AND ($3::text IS NULL OR r.customer_id = $3)
  AND ($4::integer IS NULL OR EXISTS (
    SELECT FROM reservation_items AS s JOIN seat ON seat.pool = s.pool AND seat.place = ANY (s.seats)
    WHERE s.reservation_id = r.id
  ))
  AND ($5::integer[] IS NULL OR r.event_id = ANY ($5))
GROUP BY GROUPING SETS ((r.status), (r.status, r.currency))
ORDER BY r.status, r.currency
