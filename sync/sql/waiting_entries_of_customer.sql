SELECT
  id, event_id, ticket_id, quantity, customer_id, details::text, contact::text, digest, milliseconds(created_at),
  milliseconds(changed_at), status, number, coalesce(milliseconds(offer_expires_at), 0)
FROM waiting_entries
WHERE customer_id = $1
ORDER BY created_at DESC
LIMIT $2
