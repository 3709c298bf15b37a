-- Of the events of a partition ($2 of $1), those that wait or are offered.
SELECT
  id, event_id, ticket_id, quantity, customer_id, details::text, contact::text, digest, milliseconds(created_at),
  milliseconds(changed_at), status, number, coalesce(milliseconds(offer_expires_at), 0)
FROM waiting_entries
WHERE event_id % $1 = $2 AND status IN ('waiting', 'offered')
