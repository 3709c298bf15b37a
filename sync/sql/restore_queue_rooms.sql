-- Waiting rooms of these events. 0: not drawn yet.
SELECT
  event_id, secret, coalesce(cohort, 0) AS cohort, coalesce(digest, '') AS digest,
  coalesce(milliseconds(drawn_at), 0) AS drawn_ms
FROM queue_rooms
WHERE event_id = ANY ($1::integer[]) AND secret <> ''
ORDER BY event_id
