SELECT c.event_id, c.number, c.gate, c.direction, c.result, milliseconds(c.scanned_at) AS scanned_ms
FROM reservations AS r
JOIN etickets AS t ON t.reservation_id = r.id
JOIN check_ins AS c ON c.event_id = t.event_id AND c.number = t.number
WHERE r.customer_id = $1
ORDER BY c.place DESC
LIMIT $2
