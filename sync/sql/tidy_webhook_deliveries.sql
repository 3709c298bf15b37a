-- Deliveries that ended long ago ($1 seconds), and those of endpoints that were deleted; a slice of them. Those that somebody
-- writes just now, as a redelivery does, are found another time.
WITH old AS (
  SELECT d.id
  FROM webhook_deliveries AS d
  WHERE d.ended_at < now() - $1 * interval '1 second'
    OR NOT EXISTS (SELECT FROM webhooks AS w WHERE w.id = d.webhook_id)
  LIMIT $2
  FOR UPDATE OF d SKIP LOCKED
)
DELETE FROM webhook_deliveries AS d USING old WHERE d.id = old.id
