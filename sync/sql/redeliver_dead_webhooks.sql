-- A slice, oldest first. Returns how many there were in it, and how many are left.
WITH dead AS (
  SELECT id FROM webhook_deliveries WHERE webhook_id = $1 AND status = 'dead' ORDER BY id LIMIT $2 FOR UPDATE
),
again AS (
  UPDATE webhook_deliveries AS d
  SET status = 'pending', attempts = 0, next_at = now(), since = now(), ended_at = NULL
  FROM dead WHERE d.id = dead.id
  RETURNING d.id
)
SELECT
  (SELECT count(*) FROM again) AS redelivered,
  (SELECT count(*) FROM webhook_deliveries WHERE webhook_id = $1 AND status = 'dead') - (SELECT count(*) FROM again) AS still_dead
FROM webhooks
WHERE id = $1
