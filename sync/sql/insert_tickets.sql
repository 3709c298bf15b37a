-- In the order given, which their ids keep.
INSERT INTO tickets (event_id, {columns})
SELECT $1, {columns}
FROM unnest({arrays}) WITH ORDINALITY AS told ({columns}, place)
ORDER BY place
RETURNING id
