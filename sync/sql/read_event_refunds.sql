-- All that was charged goes back, also what was kept of a reservation when it ended: it is not refunded until that is owed.
SELECT
  count(*) AS reservations,
  count(*) FILTER (WHERE r.status = 'refunded' AND p.amount_minor <= p.owed_minor) AS refunded,
  count(*) FILTER (WHERE r.status = 'refund_due') AS refund_due,
  coalesce(sum(p.amount_minor), 0)::bigint AS amount_minor,
  (SELECT currency FROM events WHERE id = $1) AS currency
FROM reservations AS r
CROSS JOIN LATERAL (
  SELECT
    coalesce(sum(amount_minor), 0) AS amount_minor,
    coalesce(sum((
      SELECT sum(f.amount_minor) FROM refunds AS f WHERE f.reservation_id = r.id AND f.payment_id = payments.id
    )), 0) AS owed_minor
  FROM payments
  WHERE reservation_id = r.id AND status IN ('completed', 'refund_due', 'refunded')
) AS p
WHERE r.event_id = $1 AND r.status IN ('paid', 'refund_due', 'refunded')
