SELECT event_id, id::text, customer_id
FROM bookings
WHERE event_id % $1 = $2 AND expires_at < now() - make_interval(secs => $3)
  AND (phone <> '' OR details::jsonb - 'customer_id' <> '{}')
LIMIT $4
