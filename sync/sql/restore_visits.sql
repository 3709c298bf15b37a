-- What was bought of slots later than the local date and time $2.
SELECT r.id, r.event_id, i.pool, sum(i.quantity)::bigint AS places, r.customer_id
FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.event_id = ANY ($1::integer[])
  AND r.status = 'paid'
  AND i.pool LIKE 'slot:%' AND substr(i.pool, 6) COLLATE "C" > $2
GROUP BY r.id, r.event_id, i.pool, r.customer_id
