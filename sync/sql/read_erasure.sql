SELECT milliseconds(requested_at) AS requested_ms, milliseconds(done_at) AS done_ms
FROM erasures
WHERE customer_id = $1
