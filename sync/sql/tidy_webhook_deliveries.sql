-- Deliveries that ended long ago ($1 seconds), and those of endpoints that were deleted; a slice of them.
DELETE FROM webhook_deliveries
WHERE id IN (
  SELECT d.id
  FROM webhook_deliveries AS d
  WHERE d.ended_at < now() - $1 * interval '1 second'
    OR NOT EXISTS (SELECT FROM webhooks AS w WHERE w.id = d.webhook_id)
  LIMIT $2
)
