-- In the order given, which their ids keep.
INSERT INTO tickets (event_id, ticket_type, unit_minor, capacity)
SELECT $1, ticket_type, unit_minor, capacity
FROM unnest($2::text[], $3::bigint[], $4::integer[]) WITH ORDINALITY AS told (ticket_type, unit_minor, capacity, place)
ORDER BY place
RETURNING id
