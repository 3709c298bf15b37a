-- As before, but the capacity of an event counts the seats that it offers and that are not blocked: each once, however
-- many tickets offer its section.
CREATE VIEW event_capacities AS
SELECT
  e.id AS event_id,
  coalesce((SELECT sum(t.capacity) FROM tickets AS t WHERE t.event_id = e.id), 0)
    + coalesce((
      SELECT sum(r.seats)
      FROM section_rows AS r
      WHERE r.section_id IN (SELECT o.section_id FROM ticket_sections AS o WHERE o.event_id = e.id)
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
COMMENT ON VIEW event_capacities IS 'Places of each event that are for sale, taken or not.';

CREATE OR REPLACE VIEW event_statistics AS
SELECT
  e.id AS event_id,
  e.name,
  coalesce(s.reserved, 0) AS reserved,
  coalesce(s.held, 0) AS held,
  coalesce(s.sold, 0) AS sold,
  coalesce(s.cancelled, 0) AS cancelled,
  coalesce(s.expired, 0) AS expired,
  coalesce(s.refunded, 0) AS refunded,
  coalesce(s.revenue_minor, 0)::bigint AS revenue_minor,
  (s.reservations_paid::float8 / nullif(s.reservations_ended, 0)) AS conversion,
  coalesce(s.sold_last_hour, 0)::float8 / 60 AS sales_per_minute,
  s.first_sale_at,
  CASE WHEN s.sold >= c.capacity AND c.capacity > 0 THEN s.last_sale_at END AS sold_out_at
FROM events AS e
CROSS JOIN LATERAL (
  SELECT
    sum(r.places) FILTER (WHERE r.status IN ('held', 'paying', 'paid')) AS reserved,
    sum(r.places) FILTER (WHERE r.status IN ('held', 'paying')) AS held,
    sum(r.places) FILTER (WHERE r.status = 'paid') AS sold,
    sum(r.places) FILTER (WHERE r.status = 'cancelled') AS cancelled,
    sum(r.places) FILTER (WHERE r.status = 'expired') AS expired,
    sum(r.places) FILTER (WHERE r.status IN ('refund_due', 'refunded')) AS refunded,
    sum(r.total_minor) FILTER (WHERE r.status = 'paid') AS revenue_minor,
    count(*) FILTER (WHERE r.status = 'paid') AS reservations_paid,
    count(*) FILTER (WHERE r.status NOT IN ('held', 'paying')) AS reservations_ended,
    sum(r.places) FILTER (WHERE r.status = 'paid' AND r.paid_at > now() - interval '1 hour') AS sold_last_hour,
    min(r.paid_at) AS first_sale_at,
    max(r.paid_at) FILTER (WHERE r.status = 'paid') AS last_sale_at
  FROM reservations AS r
  WHERE r.event_id = e.id
) AS s
JOIN event_capacities AS c ON c.event_id = e.id;
COMMENT ON COLUMN event_statistics.sold_out_at IS
  'When the last place of the capacity was paid, if all of it is sold: sold never exceeds capacity, so it is the last sale.';
