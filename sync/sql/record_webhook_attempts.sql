-- The outcomes of attempts. A failed one is tried again after its pause, at the latest when its $7 seconds are up. Messages
-- behind it wait with it. One that failed after that is dead. Returns how many died. The rows are locked in one order: another
-- worker may write outcomes of its own, though only one should send.
WITH attempt AS (
  SELECT told.*, d.since + $7 * interval '1 second' AS give_up_at
  FROM unnest($1::bigint[], $2::boolean[], $3::boolean[], $4::bigint[], $5::smallint[], $6::text[])
    AS told (id, delivered, is_last, pause_ms, response_status, error)
  JOIN webhook_deliveries AS d ON d.id = told.id
  WHERE d.status = 'pending'
  ORDER BY d.id
  FOR NO KEY UPDATE OF d
),
noted AS (
  UPDATE webhook_deliveries AS d SET
    attempts = d.attempts + 1,
    response_status = a.response_status,
    error = a.error,
    status = CASE
      WHEN a.delivered THEN 'delivered'
      WHEN a.is_last OR now() >= a.give_up_at THEN 'dead'
      ELSE 'pending'
    END,
    ended_at = CASE WHEN a.delivered OR a.is_last OR now() >= a.give_up_at THEN now() END,
    next_at = least(now() + a.pause_ms * interval '1 millisecond', a.give_up_at)
  FROM attempt AS a
  WHERE d.id = a.id AND d.status = 'pending'
  RETURNING d.id, d.webhook_id, d.subject, d.status, d.next_at
),
waiting AS (
  UPDATE webhook_deliveries AS behind SET next_at = n.next_at
  FROM noted AS n
  WHERE n.status = 'pending'
    AND behind.subject = n.subject
    AND behind.webhook_id + 0 = n.webhook_id -- see insert_webhook_deliveries
    AND behind.status = 'pending'
    AND behind.id > n.id
)
SELECT count(*) FROM noted WHERE status = 'dead'
