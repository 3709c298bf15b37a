-- A payment of a cart is an attempt in each of its reservations.
SELECT reservation_id, status, amount_minor FROM payments WHERE id = $1 ORDER BY reservation_id
