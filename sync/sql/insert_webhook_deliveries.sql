-- Behind what still waits of the same subject, so that only the first of them is looked at (due_webhook_deliveries). It is
-- found by its subject: the sum hides the other indexes, which a planner without statistics takes for as good. With them
-- it takes the longer the more waits.
INSERT INTO webhook_deliveries (webhook_id, subject, event, body, trace, next_at)
SELECT
  w.id, told.subject, told.event, told.body, $4::text,
  coalesce(
    (
      SELECT max(d.next_at)
      FROM webhook_deliveries AS d
      WHERE d.subject = told.subject AND d.webhook_id + 0 = w.id AND d.status = 'pending'
    ),
    now()
  )
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS told (event, subject, body, number)
JOIN webhooks AS w ON w.enabled AND told.event = ANY (w.events)
ORDER BY told.number
