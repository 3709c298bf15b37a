-- Not those that somebody writes just now: neither waits for the other. They are found another time.
WITH free AS (
  SELECT event_id, number
  FROM etickets
  WHERE reservation_id = ANY ($1::text[]) AND holder::text <> '{}'
  FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE etickets AS t SET holder = '{}' FROM free WHERE t.event_id = free.event_id AND t.number = free.number
