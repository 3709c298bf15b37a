INSERT INTO webhook_deliveries (webhook_id, subject, event, body, next_at)
SELECT id, $2, $3, $4, now() FROM webhooks WHERE id = $1
RETURNING *
