-- Of these events, those that wait or are offered, and those that ended after the instant $2. Also the last of each event,
-- whose number is not given again. `ended_ms` is 0 of one that has not ended, and of one that ended before.
SELECT
  id, event_id, ticket_id, quantity, customer_id, details::text, contact::text, digest, milliseconds(created_at),
  milliseconds(changed_at), status, number, coalesce(milliseconds(offer_expires_at), 0),
  CASE WHEN status NOT IN ('waiting', 'offered') AND ended_at > instant($2) THEN milliseconds(ended_at) ELSE 0 END AS ended_ms
FROM waiting_entries
WHERE event_id = ANY ($1::integer[])
  AND (
    status IN ('waiting', 'offered')
    OR ended_at > instant($2)
    OR (event_id, number) IN (SELECT event_id, max(number) FROM waiting_entries GROUP BY event_id)
  )
ORDER BY event_id, number
