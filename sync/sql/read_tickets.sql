SELECT
  t.id AS ticket_id, t.ticket_type, t.unit_minor, t.capacity,
  ARRAY(SELECT s.section_id FROM ticket_sections AS s WHERE s.ticket_id = t.id ORDER BY s.position) AS section_ids,
  EXISTS(SELECT FROM schedules AS s WHERE s.event_id = t.event_id) AS timed
FROM tickets AS t WHERE t.event_id = $1
ORDER BY t.id
