-- Not those that somebody writes just now: neither waits for the other. They are found another time.
WITH free AS (
  SELECT id FROM reservations WHERE id = ANY ($1::text[]) AND details::text <> '{}' FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE reservations AS r SET details = '{}' FROM free WHERE r.id = free.id
