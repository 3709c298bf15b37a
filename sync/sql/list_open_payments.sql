-- With a standing ($1), of an event ($2), of some events ($3), from the one before ($4, $5, $6); newest first. What nobody
-- asked for is null. A payment of a cart is one of each of its reservations.
WITH open AS (
  SELECT reservation_id, id
  FROM payments
  WHERE status = 'pending' OR (note = '' AND status <> 'refunded')
  UNION
  SELECT reservation_id, payment_id FROM refunds WHERE settled_at IS NULL
),
standing AS (
  SELECT
    p.*,
    r.event_id,
    r.customer_id,
    CASE WHEN p.note = '' THEN 'disputed' WHEN p.status = 'pending' THEN 'pending' ELSE 'refund_due' END AS standing
  FROM open
  JOIN payments AS p USING (reservation_id, id)
  JOIN reservations AS r ON r.id = p.reservation_id
)
SELECT
  s.id, s.reservation_id, s.event_id, s.customer_id, s.standing, s.amount_minor, s.currency,
  milliseconds(s.started_at) AS started_ms, s.received_minor, s.received_currency,
  (
    SELECT coalesce(sum(f.amount_minor), 0)::bigint
    FROM refunds AS f
    WHERE f.reservation_id = s.reservation_id AND f.payment_id = s.id AND f.settled_at IS NULL
  ) AS due_minor
FROM standing AS s
WHERE ($1::text IS NULL OR s.standing = $1)
  AND ($2::integer IS NULL OR s.event_id = $2)
  AND ($3::integer[] IS NULL OR s.event_id = ANY ($3))
  AND ($4::bigint IS NULL OR (s.started_at, s.reservation_id, s.id) < (instant($4), $5::text, $6::text))
ORDER BY s.started_at DESC, s.reservation_id DESC, s.id DESC
LIMIT $7
