-- Charges that the gateway must have, after the id $1, by id: their amounts in all their reservations, and their refunds. A
-- charge that somebody settled by hand is not judged: the gateway has another amount.
SELECT
  charge.id,
  charge.currency,
  charge.amount_minor,
  (
    -- By the reservation, too: refunds have no index that begins with the payment.
    SELECT coalesce(json_object_agg(f.id, json_build_array(f.amount_minor, f.settled_at IS NOT NULL)), '{}')
    FROM payments AS p
    JOIN refunds AS f ON f.reservation_id = p.reservation_id AND f.payment_id = p.id
    WHERE p.id = charge.id AND f.amount_minor > 0
  ) AS refunds
FROM (
  SELECT p.id, min(p.currency) AS currency, sum(p.amount_minor)::bigint AS amount_minor
  FROM payments AS p
  WHERE p.id > $1 AND p.status IN ('completed', 'refund_due', 'refunded')
  GROUP BY p.id
  HAVING sum(p.amount_minor) > 0 AND count(p.received_minor) = 0
  ORDER BY p.id
  LIMIT $2
) AS charge
ORDER BY charge.id
