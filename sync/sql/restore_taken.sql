-- Places that are taken, with their seats, by pool and the counter that they stand in.
SELECT
  event_id,
  pool,
  counter,
  sum(quantity)::bigint AS places,
  -- Arrays of many lengths make no array, but a text.
  coalesce(string_agg(nullif(array_to_string(seats, ','), ''), ','), '') AS seats
FROM (
  SELECT r.event_id, i.pool, CASE r.status WHEN 'paid' THEN 'sold' ELSE r.status END AS counter, i.quantity, i.seats
  FROM reservations AS r JOIN reservation_items AS i ON i.reservation_id = r.id
  WHERE r.event_id = ANY ($1::integer[]) AND r.status IN ('held', 'paying', 'paid')
  UNION ALL
  SELECT event_id, pool, 'kept', quantity, seats
  FROM kept_items
  WHERE event_id = ANY ($1::integer[])
) AS taken
GROUP BY 1, 2, 3
