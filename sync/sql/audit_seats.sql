-- Seats that reservations hold, pay for or have bought, of a partition, but for the reservations in $3.
SELECT r.event_id, i.pool, place, r.status, r.id AS reservation_id
FROM reservations AS r
JOIN reservation_items AS i ON i.reservation_id = r.id
CROSS JOIN LATERAL unnest(i.seats) AS place
WHERE r.event_id % $1 = $2 AND r.id <> ALL ($3::text[]) AND r.status IN ('held', 'paying', 'paid')
