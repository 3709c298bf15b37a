-- Reservations with e-tickets, but for those in $3, that have other places than e-tickets which are not void.
SELECT r.id, count(*) FILTER (WHERE t.status <> 'void') AS etickets, CASE WHEN r.status = 'paid' THEN r.places ELSE 0 END AS places
FROM reservations AS r JOIN etickets AS t ON t.reservation_id = r.id
WHERE r.event_id % $1 = $2 AND r.id <> ALL ($3::text[])
GROUP BY r.id
HAVING count(*) FILTER (WHERE t.status <> 'void') <> CASE WHEN r.status = 'paid' THEN r.places ELSE 0 END
