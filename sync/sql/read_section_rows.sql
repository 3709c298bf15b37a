-- Rows of these sections, with the names of both, in the order of the manifest; one without names of a section without rows.
SELECT s.id AS section_id, s.name AS section_name, s.capacity, r.name, r.first_seat_id, r.seats
FROM sections AS s LEFT JOIN section_rows AS r ON r.section_id = s.id
WHERE s.id = ANY ($1::integer[])
ORDER BY s.venue_id, s.position, r.position
