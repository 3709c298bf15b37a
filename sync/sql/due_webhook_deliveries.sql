-- The deliveries to send now: of each endpoint up to $1, of each subject the first that waits. Not those of the
-- endpoints $2 (they are busy or resting), nor the deliveries $3 (they are under way).
SELECT
  d.id, d.webhook_id, d.message_id, d.body, d.attempts, w.url, w.secret,
  CASE WHEN w.old_secret_until > now() THEN w.old_secret END AS old_secret,
  d.trace
FROM webhooks AS w
CROSS JOIN LATERAL (
  SELECT waits.*
  FROM webhook_deliveries AS waits
  WHERE waits.webhook_id = w.id
    AND waits.status = 'pending'
    AND waits.next_at <= now()
    AND waits.id <> ALL ($3::bigint[])
    AND NOT EXISTS (
      SELECT FROM webhook_deliveries AS before
      WHERE before.subject = waits.subject
        AND before.webhook_id + 0 = w.id -- see insert_webhook_deliveries
        AND before.status = 'pending'
        AND before.id < waits.id
    )
  ORDER BY waits.next_at, waits.id
  LIMIT $1
) AS d
WHERE w.enabled AND w.id <> ALL ($2::integer[])
ORDER BY d.next_at, d.id
