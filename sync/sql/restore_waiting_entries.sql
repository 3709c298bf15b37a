-- Of these events, those that wait or are offered; and the last of each event, whose number is not given again.
SELECT
  id, event_id, ticket_id, quantity, customer_id, details::text, contact::text, digest, milliseconds(created_at),
  milliseconds(changed_at), status, number, coalesce(milliseconds(offer_expires_at), 0)
FROM waiting_entries
WHERE event_id = ANY ($1::integer[])
  AND (
    status IN ('waiting', 'offered')
    OR (event_id, number) IN (SELECT event_id, max(number) FROM waiting_entries GROUP BY event_id)
  )
ORDER BY event_id, number
