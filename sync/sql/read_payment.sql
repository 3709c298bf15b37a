-- A payment of a cart is an attempt in each of its reservations; each as Redis has it (lua/10_codec.lua).
SELECT
  p.reservation_id,
  r.customer_id,
  json_build_array(
    p.id, p.status, p.amount_minor, milliseconds(p.started_at), coalesce(milliseconds(p.settled_at), 0), p.reason, p.digest,
    (
      SELECT coalesce(json_agg(json_build_array(
        f.id, f.amount_minor, milliseconds(f.created_at), coalesce(milliseconds(f.settled_at), 0)
      ) ORDER BY f.place), '[]')
      FROM refunds AS f
      WHERE f.reservation_id = p.reservation_id AND f.payment_id = p.id
    ),
    CASE
      WHEN p.received_minor IS NULL THEN '[]'::json
      ELSE json_build_array(json_build_array(p.received_minor, p.received_currency, p.note))
    END
  ) AS attempt,
  p.currency
FROM payments AS p
JOIN reservations AS r ON r.id = p.reservation_id
WHERE p.id = $1
ORDER BY p.reservation_id
