-- Those of the seats $2 that are in the venue of the event.
SELECT s.id
FROM seats AS s
JOIN section_rows AS r USING (first_seat_id)
JOIN sections AS c ON c.id = r.section_id
JOIN events AS e ON e.venue_id = c.venue_id
WHERE s.id = ANY ($2::integer[]) AND e.id = $1
