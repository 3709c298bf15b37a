-- Of an event ($1), a ticket ($2), with a status ($3), behind number $4. What nobody asked for is null. Last the place in the
-- line of its ticket, from 1; 0 of an entry that does not wait.
WITH lines AS (
  SELECT id, row_number() OVER (PARTITION BY ticket_id ORDER BY number) AS place
  FROM waiting_entries
  WHERE event_id = $1 AND status = 'waiting'
)
SELECT
  id, event_id, ticket_id, quantity, customer_id, details::text, contact::text, digest, milliseconds(created_at),
  milliseconds(changed_at), status, number, coalesce(milliseconds(offer_expires_at), 0), coalesce(place, 0) AS place
FROM waiting_entries
LEFT JOIN lines USING (id)
WHERE event_id = $1 AND ($2::integer IS NULL OR ticket_id = $2) AND ($3::text IS NULL OR status = $3) AND number > $4
ORDER BY number
LIMIT $5
