SELECT milliseconds(created_at) AS created_ms, webhook_id, event, status, body
FROM webhook_deliveries
WHERE subject = ANY ($1::text[])
ORDER BY id DESC
LIMIT $2
