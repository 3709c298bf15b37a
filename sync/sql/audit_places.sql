-- Places by pool and status, and those that are kept, of a partition, but for the reservations in $3.
SELECT r.event_id, i.pool, r.status, sum(i.quantity)::bigint AS places
FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.event_id % $1 = $2 AND r.id <> ALL ($3::text[])
GROUP BY r.event_id, i.pool, r.status
UNION ALL
SELECT event_id, pool, 'kept', sum(quantity)::bigint
FROM kept_items
WHERE event_id % $1 = $2 AND reservation_id <> ALL ($3::text[])
GROUP BY event_id, pool
