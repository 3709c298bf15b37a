SELECT
  t.id AS ticket_id, t.ticket_type, t.unit_minor, t.capacity, t.revision, t.paused, t.hidden, t.min_quantity,
  milliseconds(t.sale_opens_at) AS sale_opens_ms, milliseconds(t.sale_closes_at) AS sale_closes_ms,
  ARRAY(SELECT s.section_id FROM ticket_sections AS s WHERE s.ticket_id = t.id ORDER BY s.position) AS section_ids,
  (
    SELECT max(c.capacity)
    FROM ticket_sections AS s JOIN sections AS c ON c.id = s.section_id
    WHERE s.ticket_id = t.id
  ) AS section_capacity,
  EXISTS(SELECT FROM schedules AS s WHERE s.event_id = t.event_id) AS timed
FROM tickets AS t WHERE t.event_id = $1
ORDER BY t.id
