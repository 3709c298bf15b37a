-- Places that customers hold, pay for or have bought; of slots up to the local date and time $2 only what is not paid. The
-- pool is that of a slot of which they are paid for, else empty.
SELECT
  r.event_id,
  r.customer_id,
  CASE WHEN r.status = 'paid' AND i.pool LIKE 'slot:%' THEN i.pool ELSE '' END AS paid_slot,
  sum(i.quantity)::bigint AS places
FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.event_id = ANY ($1::integer[])
  AND r.status IN ('held', 'paying', 'paid')
  AND (r.status <> 'paid' OR i.pool NOT LIKE 'slot:%' OR substr(i.pool, 6) COLLATE "C" > $2)
GROUP BY 1, 2, 3
