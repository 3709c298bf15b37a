-- A payment of a cart is an attempt in each of its reservations.
SELECT p.reservation_id, p.status, p.amount_minor, r.customer_id
FROM payments AS p
JOIN reservations AS r ON r.id = p.reservation_id
WHERE p.id = $1
ORDER BY p.reservation_id
