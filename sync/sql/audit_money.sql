-- Reservations whose money does not add up, of a partition ($2 of $1). What was charged is the price of what they have, and of
-- what went back or was exchanged for less. Money that came late goes back, all of it. So does all money of a cancelled event
-- once refunds of everybody have begun. What refunds of an earlier release do not tell is not judged.
SELECT
  r.id, r.status, m.charged_minor, m.sold_minor, m.worth_minor, m.is_overdrawn, m.is_kept_late,
  m.is_left AND c.event_id IS NOT NULL AS is_kept_cancelled
FROM reservations AS r
CROSS JOIN LATERAL (
  SELECT
    coalesce(sum(p.amount_minor) FILTER (WHERE p.reason <> 'late'), 0)::bigint AS charged_minor,
    CASE r.status WHEN 'paid' THEN r.total_minor ELSE 0 END AS sold_minor,
    coalesce(sum(f.worth_minor) FILTER (WHERE p.reason <> 'late'), 0)::bigint AS worth_minor,
    coalesce(bool_or(f.amount_minor > p.amount_minor), false) AS is_overdrawn,
    coalesce(bool_or(p.reason = 'late' AND f.amount_minor IS DISTINCT FROM p.amount_minor), false) AS is_kept_late,
    coalesce(bool_or(p.amount_minor > coalesce(f.amount_minor, 0)), false) AS is_left,
    coalesce(bool_or(f.is_untold), false) AS is_untold
  FROM payments AS p
  LEFT JOIN LATERAL (
    SELECT
      sum(amount_minor)::bigint AS amount_minor,
      sum(worth_minor)::bigint AS worth_minor,
      bool_or(worth_minor IS NULL) AS is_untold
    FROM refunds
    WHERE reservation_id = p.reservation_id AND payment_id = p.id
  ) AS f ON true
  WHERE p.reservation_id = r.id AND p.status IN ('completed', 'refund_due', 'refunded')
) AS m
LEFT JOIN event_cancellations AS c ON c.event_id = r.event_id AND c.refunds_begun_at IS NOT NULL
WHERE r.event_id % $1 = $2
  AND r.status IN ('paid', 'refund_due', 'refunded')
  AND NOT m.is_untold
  AND (
    m.charged_minor <> m.sold_minor + m.worth_minor OR m.is_overdrawn OR m.is_kept_late
    OR m.is_left AND c.event_id IS NOT NULL
  )
ORDER BY r.id
