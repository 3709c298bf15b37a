-- What is used of codes: reservations that name one, what they save, and their places under it.
SELECT
  event_id, code, sum(uses)::bigint AS uses, sum(spent_minor)::bigint AS spent_minor,
  sum(held)::bigint AS held, sum(paying)::bigint AS paying, sum(sold)::bigint AS sold, sum(kept)::bigint AS kept
FROM (
  SELECT r.event_id, r.code, 1 AS uses, 0 AS spent_minor, 0 AS held, 0 AS paying, 0 AS sold, 0 AS kept
  FROM reservations AS r
  WHERE r.code IS NOT NULL AND r.event_id = ANY ($1::integer[]) AND r.status IN ('held', 'paying', 'paid')
    AND r.id <> ALL ($2::text[])
  UNION ALL
  SELECT
    r.event_id, r.code, 0, i.quantity * i.off_minor,
    CASE WHEN r.status = 'held' THEN i.quantity ELSE 0 END,
    CASE WHEN r.status = 'paying' THEN i.quantity ELSE 0 END,
    CASE WHEN r.status = 'paid' THEN i.quantity ELSE 0 END,
    0
  FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
  WHERE r.code IS NOT NULL AND r.event_id = ANY ($1::integer[]) AND r.status IN ('held', 'paying', 'paid')
    AND i.off_minor IS NOT NULL AND r.id <> ALL ($2::text[])
  UNION ALL
  SELECT r.event_id, r.code, 0, 0, 0, 0, 0, k.quantity
  FROM reservations AS r JOIN kept_items AS k ON k.reservation_id = r.id
  WHERE r.code IS NOT NULL AND r.event_id = ANY ($1::integer[]) AND k.off_minor IS NOT NULL
    AND r.id <> ALL ($2::text[])
) AS used
GROUP BY event_id, code
