-- Waiting rooms of a partition, by what their order is drawn; before the draw 0 and an empty text.
SELECT
  event_id, secret, coalesce(cohort, 0), coalesce(digest, '')
FROM queue_rooms
WHERE event_id % $1 = $2
