-- Not those that somebody writes just now: neither waits for the other. They are found another time.
WITH free AS (
  SELECT id
  FROM waiting_entries
  WHERE id = ANY ($1::text[]) AND (details::text <> '{}' OR contact::text <> '{}')
  FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE waiting_entries AS w SET details = '{}', contact = '{}' FROM free WHERE w.id = free.id
