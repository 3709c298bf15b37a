-- All money of a reservation that is still paid goes back. Of one that ended it is what its refunds say: a manager may have
-- refunded less than was charged.
SELECT
  count(*) AS reservations,
  count(*) FILTER (WHERE r.status = 'refunded') AS refunded,
  count(*) FILTER (WHERE r.status = 'refund_due') AS refund_due,
  coalesce(sum(p.amount_minor), 0)::bigint AS amount_minor,
  (SELECT currency FROM events WHERE id = $1) AS currency
FROM reservations AS r
CROSS JOIN LATERAL (
  SELECT sum(
    CASE
      WHEN r.status = 'paid' AND status = 'completed' THEN amount_minor
      ELSE (SELECT sum(f.amount_minor) FROM refunds AS f WHERE f.reservation_id = r.id AND f.payment_id = payments.id)
    END
  ) AS amount_minor
  FROM payments
  WHERE reservation_id = r.id AND status IN ('completed', 'refund_due', 'refunded')
) AS p
WHERE r.event_id = $1 AND r.status IN ('paid', 'refund_due', 'refunded')
