-- The facts of batches about waiting rooms: when each was opened and drawn, and by what. Empty and 0: no fact.
INSERT INTO queue_rooms AS known (event_id, secret, opened_at, cohort, digest, drawn_at)
SELECT
  event_id, secret, instant(nullif(opened_ms, 0)), CASE WHEN drawn_ms > 0 THEN cohort END,
  CASE WHEN drawn_ms > 0 THEN digest END, instant(nullif(drawn_ms, 0))
FROM unnest($1::integer[], $2::text[], $3::bigint[], $4::bigint[], $5::text[], $6::bigint[])
  AS told (event_id, secret, opened_ms, cohort, digest, drawn_ms)
ON CONFLICT (event_id) DO UPDATE SET
  secret = coalesce(nullif(excluded.secret, ''), known.secret),
  opened_at = coalesce(excluded.opened_at, known.opened_at),
  cohort = coalesce(excluded.cohort, known.cohort),
  digest = coalesce(excluded.digest, known.digest),
  drawn_at = coalesce(excluded.drawn_at, known.drawn_at)
