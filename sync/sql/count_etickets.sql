-- E-tickets of an event that are not void, by ticket.
SELECT
  ticket_id,
  count(*) AS expected,
  count(*) FILTER (WHERE status = 'in') AS inside,
  count(*) FILTER (WHERE status = 'out') AS outside,
  count(*) FILTER (WHERE first_in_at IS NOT NULL) AS came
FROM etickets
WHERE event_id = $1 AND status <> 'void'
GROUP BY ticket_id
ORDER BY ticket_id
