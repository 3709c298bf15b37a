SELECT id AS ticket_id, ticket_type, unit_minor, capacity, seating
FROM tickets WHERE event_id = $1
ORDER BY id
