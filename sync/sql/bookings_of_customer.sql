SELECT r.record
FROM bookings AS b
JOIN booking_records AS r USING (event_id, id)
WHERE b.customer_id = $1 AND b.customer_id <> ''
ORDER BY b.created_at DESC
LIMIT $2
