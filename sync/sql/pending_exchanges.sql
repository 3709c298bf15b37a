-- Exchanges that wait for their money: their new places are pinned, beside those that the reservation has.
SELECT r.id, r.event_id, r.customer_id, p.exchange
FROM payments AS p
JOIN reservations AS r ON r.id = p.reservation_id
WHERE p.status = 'pending' AND p.exchange IS NOT NULL
