-- Places that are taken, with their seats, by pool and the counter that they stand in. Refunded ones that were kept off
-- sale stay sold.
SELECT
  r.event_id,
  i.pool,
  CASE WHEN r.status IN ('held', 'paying') THEN r.status ELSE 'sold' END AS counter,
  sum(i.quantity)::bigint AS places,
  -- Arrays of many lengths make no array, but a text.
  coalesce(string_agg(nullif(array_to_string(i.seats, ','), ''), ','), '') AS seats
FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.event_id = ANY ($1::integer[])
  AND (
    r.status IN ('held', 'paying', 'paid')
    OR r.status IN ('refund_due', 'refunded')
    AND EXISTS (SELECT FROM payments AS p WHERE p.reservation_id = r.id AND p.reason = 'kept')
  )
GROUP BY 1, 2, 3
