-- What was bought of slots that began after the instant $2.
SELECT r.id, i.pool, sum(i.quantity)::bigint AS places, r.customer_id
FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.event_id = ANY ($1::integer[])
  AND r.status = 'paid'
  AND CASE WHEN i.pool LIKE 't%' THEN substr(i.pool, 2)::bigint > $2 ELSE false END
GROUP BY r.id, i.pool, r.customer_id
