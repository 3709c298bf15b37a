-- What Redis keeps of these events: what is live or waits for money, and what changed after the instant $2. With when it changed
-- last, in ms.
SELECT k.id, k.record, milliseconds(r.updated_at) AS updated_ms
FROM reservation_records AS k
JOIN reservations AS r ON r.id = k.id
WHERE r.event_id = ANY ($1::integer[])
  AND (
    r.status IN ('held', 'paying', 'refund_due')
    OR r.updated_at > instant($2)
    OR EXISTS (SELECT FROM payments AS p WHERE p.reservation_id = r.id AND p.status = 'pending')
    OR EXISTS (SELECT FROM refunds AS f WHERE f.reservation_id = r.id AND f.settled_at IS NULL)
  )
