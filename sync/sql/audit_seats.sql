-- Seats that reservations hold, pay for or have bought, and those that are kept, of a partition, but for the reservations in $3.
SELECT r.event_id, i.pool, place, r.status, r.id AS reservation_id
FROM reservations AS r
JOIN reservation_items AS i ON i.reservation_id = r.id
CROSS JOIN LATERAL unnest(i.seats) AS place
WHERE r.event_id % $1 = $2 AND r.id <> ALL ($3::text[]) AND r.status IN ('held', 'paying', 'paid')
UNION ALL
SELECT k.event_id, k.pool, place, 'kept', k.reservation_id
FROM kept_items AS k
CROSS JOIN LATERAL unnest(k.seats) AS place
WHERE k.event_id % $1 = $2 AND k.reservation_id <> ALL ($3::text[])
