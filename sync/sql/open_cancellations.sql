-- Cancelled events whose work is not finished: whether holds must end, whether refunds must begin, and on whose behalf.
SELECT
  event_id,
  holds_ended_at IS NULL AS has_holds,
  refund_requested_at IS NOT NULL AND refunds_begun_at IS NULL AS has_refunds,
  cancelled_by,
  refund_by
FROM event_cancellations
WHERE holds_ended_at IS NULL OR (refund_requested_at IS NOT NULL AND refunds_begun_at IS NULL)
ORDER BY event_id
