-- Again: what was paid late, since all that there was is done, is refunded too.
INSERT INTO event_cancellations AS known (event_id, refund_requested_at, refund_by)
VALUES ($1, now(), $2)
ON CONFLICT (event_id) DO UPDATE SET
  refund_requested_at = coalesce(known.refund_requested_at, excluded.refund_requested_at),
  refund_by = CASE WHEN known.refund_by = '' THEN excluded.refund_by ELSE known.refund_by END,
  refunds_begun_at = NULL
RETURNING refund_requested_at = now();
