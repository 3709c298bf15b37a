SELECT t.event_id, t.number, t.reservation_id, t.holder::text AS holder, t.status
FROM reservations AS r JOIN etickets AS t ON t.reservation_id = r.id
WHERE r.customer_id = $1
ORDER BY t.event_id DESC, t.number DESC
LIMIT $2
