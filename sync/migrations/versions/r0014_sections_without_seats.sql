-- A section has rows of seats, or a capacity and no rows: general admission, whose places all of its tickets share.

ALTER TABLE sections ADD COLUMN capacity integer CHECK (capacity > 0);
COMMENT ON COLUMN sections.capacity IS 'Places without seats; null: it has rows.';

CREATE OR REPLACE VIEW event_capacities AS
SELECT
  e.id AS event_id,
  coalesce((SELECT sum(t.capacity) FROM tickets AS t WHERE t.event_id = e.id), 0)
    + coalesce((
      SELECT sum(r.seats)
      FROM section_rows AS r
      WHERE r.section_id IN (SELECT o.section_id FROM ticket_sections AS o WHERE o.event_id = e.id)
    ), 0)
    + coalesce((
      SELECT sum(s.capacity)
      FROM sections AS s
      WHERE s.id IN (SELECT o.section_id FROM ticket_sections AS o WHERE o.event_id = e.id)
    ), 0)
    - (
      SELECT count(*)
      FROM event_blocked_seats AS b
      JOIN seats AS s ON s.id = b.seat_id
      JOIN section_rows AS r USING (first_seat_id)
      WHERE b.event_id = e.id
        AND r.section_id IN (SELECT o.section_id FROM ticket_sections AS o WHERE o.event_id = e.id)
    ) AS capacity
FROM events AS e;
