-- Reservations of an event after the id $2, by id, with money that is not owed yet. They are paid, or ended by a refund of less
-- than was charged.
SELECT id, record FROM reservation_records
WHERE id IN (
  SELECT r.id
  FROM reservations AS r
  WHERE r.event_id = $1 AND r.id > $2 AND (
    r.status = 'paid'
    OR r.status IN ('refund_due', 'refunded') AND EXISTS (
      SELECT FROM payments AS p
      WHERE p.reservation_id = r.id AND p.status IN ('refund_due', 'refunded') AND p.reason <> 'late' AND p.amount_minor > (
        SELECT coalesce(sum(f.amount_minor), 0) FROM refunds AS f WHERE f.reservation_id = r.id AND f.payment_id = p.id
      )
    )
  )
  ORDER BY r.id
  LIMIT $3
)
ORDER BY id
