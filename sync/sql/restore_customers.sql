-- Places that customers hold, pay for or have bought; of slots that began at the instant $2 or before only what is not paid.
SELECT r.event_id, r.customer_id, sum(i.quantity)::bigint AS places
FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.event_id = ANY ($1::integer[])
  AND r.status IN ('held', 'paying', 'paid')
  AND CASE WHEN r.status = 'paid' AND i.pool LIKE 't%' THEN substr(i.pool, 2)::bigint > $2 ELSE true END
GROUP BY r.event_id, r.customer_id
