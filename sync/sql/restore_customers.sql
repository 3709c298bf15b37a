-- Places that customers hold, pay for or have bought.
SELECT event_id, customer_id, sum(places)::bigint AS places
FROM reservations
WHERE event_id = ANY ($1::integer[]) AND status IN ('held', 'paying', 'paid')
GROUP BY event_id, customer_id
