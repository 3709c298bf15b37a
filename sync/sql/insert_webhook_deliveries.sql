-- Behind what still waits of the same subject, so that only the first of them is looked at (due_webhook_deliveries).
INSERT INTO webhook_deliveries (webhook_id, subject, event, body, next_at)
SELECT
  w.id, told.subject, told.event, told.body,
  coalesce(
    (
      SELECT max(d.next_at)
      FROM webhook_deliveries AS d
      WHERE d.webhook_id = w.id AND d.subject = told.subject AND d.status = 'pending'
    ),
    now()
  )
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS told (event, subject, body, number)
JOIN webhooks AS w ON w.enabled AND told.event = ANY (w.events)
ORDER BY told.number
