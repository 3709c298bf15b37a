-- Of an event ($1), a ticket ($2), with a status ($3), behind number $4. What nobody asked for is null.
SELECT
  id, event_id, ticket_id, quantity, customer_id, details::text, contact::text, digest, milliseconds(created_at),
  milliseconds(changed_at), status, number, coalesce(milliseconds(offer_expires_at), 0)
FROM waiting_entries
WHERE event_id = $1 AND ($2::integer IS NULL OR ticket_id = $2) AND ($3::text IS NULL OR status = $3) AND number > $4
ORDER BY number
LIMIT $5
