-- In the order given, which their ids keep.
INSERT INTO sections (venue_id, position, name)
SELECT $1, place - 1, name
FROM unnest($2::text[]) WITH ORDINALITY AS told (name, place)
ORDER BY place
RETURNING id
