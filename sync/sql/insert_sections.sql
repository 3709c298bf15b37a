-- In the order given, which their ids keep.
INSERT INTO sections (venue_id, position, name, capacity)
SELECT $1, place - 1, name, capacity
FROM unnest($2::text[], $3::integer[]) WITH ORDINALITY AS told (name, capacity, place)
ORDER BY place
RETURNING id
