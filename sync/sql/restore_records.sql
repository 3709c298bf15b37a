-- What Redis keeps of these events: what is live or waits for money, and what ended after the instant $2.
SELECT id, record FROM reservation_records
WHERE id IN (
  SELECT id FROM reservations
  WHERE event_id = ANY ($1::integer[])
    AND (
      status IN ('held', 'paying', 'refund_due')
      OR ended_at > instant($2)
      OR EXISTS (
        SELECT FROM payments AS p WHERE p.reservation_id = reservations.id AND p.status IN ('pending', 'refund_due')
      )
    )
)
