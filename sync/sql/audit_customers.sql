-- Places that customers hold, pay for or have bought of each pool, of a partition, but for the reservations in $3.
SELECT r.event_id, r.customer_id, i.pool, sum(i.quantity)::bigint AS places
FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.event_id % $1 = $2 AND r.id <> ALL ($3::text[]) AND r.status IN ('held', 'paying', 'paid')
GROUP BY r.event_id, r.customer_id, i.pool
