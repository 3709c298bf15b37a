SELECT event_id, id::text, customer_id
FROM bookings
WHERE customer_id = $1 AND customer_id <> '' AND created_at <= instant($2)
  AND (phone <> '' OR details::jsonb - 'customer_id' <> '{}')
LIMIT $3
