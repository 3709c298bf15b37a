-- Of tickets of one event, in the order in which each names its sections.
INSERT INTO ticket_sections (ticket_id, position, section_id, event_id, venue_id)
SELECT told.ticket_id, told.position, told.section_id, e.id, e.venue_id
FROM events AS e
CROSS JOIN unnest($2::integer[], $3::integer[], $4::integer[]) AS told (ticket_id, position, section_id)
WHERE e.id = $1
