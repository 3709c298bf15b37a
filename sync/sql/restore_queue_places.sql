-- Places in the waiting rooms of these events, in the order of their numbers. 0: never entered.
SELECT
  event_id, number, customer_id, coalesce(milliseconds(entered_at), 0) AS entered_ms, left_at IS NOT NULL AS has_left
FROM queue_places
WHERE event_id = ANY ($1::integer[])
ORDER BY event_id, number
