SELECT customer_id, milliseconds(requested_at) AS requested_ms
FROM erasures
WHERE done_at IS NULL
ORDER BY requested_at
