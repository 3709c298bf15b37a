-- Seats of these sections of which more than their number is known.
SELECT s.first_seat_id, s.number, s.label, s.accessible, s.companion, s.restricted_view, s.x, s.y, s.external_id
FROM seats AS s JOIN section_rows AS r USING (first_seat_id)
WHERE r.section_id = ANY ($1::integer[])
  AND num_nonnulls(s.label, s.accessible, s.companion, s.restricted_view, s.x, s.y, s.external_id) > 0
