-- The facts of batches about places in waiting rooms. 0: no fact.
INSERT INTO queue_places AS known (event_id, number, customer_id, joined_at, entered_at, left_at)
SELECT
  event_id, number, customer_id, instant(nullif(joined_ms, 0)), instant(nullif(entered_ms, 0)), instant(nullif(left_ms, 0))
FROM unnest($1::integer[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
  AS told (event_id, number, customer_id, joined_ms, entered_ms, left_ms)
ON CONFLICT (event_id, number) DO UPDATE SET
  joined_at = coalesce(known.joined_at, excluded.joined_at),
  entered_at = coalesce(excluded.entered_at, known.entered_at),
  left_at = coalesce(excluded.left_at, known.left_at)
