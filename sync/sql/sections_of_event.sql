SELECT DISTINCT section_id FROM ticket_sections WHERE event_id = $1 ORDER BY section_id
