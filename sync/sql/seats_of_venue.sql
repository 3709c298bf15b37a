-- Those of the seats $2 that are in the venue.
SELECT s.id
FROM seats AS s JOIN section_rows AS r USING (first_seat_id) JOIN sections AS c ON c.id = r.section_id
WHERE s.id = ANY ($2::integer[]) AND c.venue_id = $1
