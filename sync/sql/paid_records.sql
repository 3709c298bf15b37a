-- Paid reservations of an event after the id $2, by id.
SELECT id, record FROM reservation_records
WHERE id IN (SELECT id FROM reservations WHERE event_id = $1 AND status = 'paid' AND id > $2 ORDER BY id LIMIT $3)
ORDER BY id
