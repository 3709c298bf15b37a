-- Sales of the tickets of one event are read without those of all others: what is summed tells its event, too.

CREATE OR REPLACE VIEW reporting.sales_by_ticket AS
SELECT
  t.id AS ticket_id,
  t.event_id,
  t.ticket_type,
  t.unit_minor,
  (coalesce(s.reserved, 0) + coalesce(x.pinned, 0))::bigint AS reserved,
  (coalesce(s.held, 0) + coalesce(x.pinned, 0))::bigint AS held,
  coalesce(s.sold, 0)::bigint AS sold,
  coalesce(s.cancelled, 0)::bigint AS cancelled,
  coalesce(s.expired, 0)::bigint AS expired,
  coalesce(p.refunded, 0)::bigint AS refunded,
  coalesce(s.revenue_minor, 0)::bigint AS revenue_minor,
  coalesce(s.reservations_paid, 0)::bigint AS reservations_paid,
  coalesce(s.reservations_ended, 0)::bigint AS reservations_ended,
  t.currency,
  coalesce(k.kept, 0)::bigint AS kept,
  s.updated_at,
  coalesce(a.set_aside, 0)::bigint AS set_aside
FROM tickets AS t
LEFT JOIN (
  SELECT
    c.event_id,
    c.ticket_id,
    sum(c.places) FILTER (WHERE c.status IN ('held', 'paying', 'paid')) AS reserved,
    sum(c.places) FILTER (WHERE c.status IN ('held', 'paying')) AS held,
    sum(c.places) FILTER (WHERE c.status = 'paid') AS sold,
    sum(c.places) FILTER (WHERE c.status = 'cancelled') AS cancelled,
    sum(c.places) FILTER (WHERE c.status = 'expired') AS expired,
    sum(c.total_minor) FILTER (WHERE c.status = 'paid') AS revenue_minor,
    sum(c.reservations) FILTER (WHERE c.status = 'paid') AS reservations_paid,
    sum(c.reservations) FILTER (WHERE c.status NOT IN ('held', 'paying')) AS reservations_ended,
    max(c.updated_at) AS updated_at
  FROM (
    SELECT
      r.event_id,
      i.ticket_id,
      r.status,
      count(*) FILTER (WHERE i.first_of_ticket) AS reservations,
      sum(i.quantity) AS places,
      sum(i.quantity * i.unit_minor) AS total_minor,
      max(r.updated_at) AS updated_at
    FROM reservation_items AS i
    JOIN counted_reservations AS r ON r.id = i.reservation_id
    GROUP BY r.event_id, i.ticket_id, r.status
  ) AS c
  GROUP BY c.event_id, c.ticket_id
) AS s ON s.event_id = t.event_id AND s.ticket_id = t.id
LEFT JOIN (
  SELECT event_id, ticket_id, sum(quantity) AS refunded FROM refunded_places GROUP BY event_id, ticket_id
) AS p ON p.event_id = t.event_id AND p.ticket_id = t.id
LEFT JOIN (
  SELECT r.event_id, k.ticket_id, sum(k.quantity) AS kept
  FROM kept_items AS k JOIN counted_reservations AS r ON r.id = k.reservation_id
  GROUP BY r.event_id, k.ticket_id
) AS k ON k.event_id = t.event_id AND k.ticket_id = t.id
LEFT JOIN (
  SELECT r.event_id, x.ticket_id, sum(x.quantity) AS pinned
  FROM pinned_items AS x JOIN counted_reservations AS r ON r.id = x.reservation_id
  GROUP BY r.event_id, x.ticket_id
) AS x ON x.event_id = t.event_id AND x.ticket_id = t.id
LEFT JOIN (
  SELECT event_id, ticket_id, sum(quantity) AS set_aside FROM set_aside_places GROUP BY event_id, ticket_id
) AS a ON a.event_id = t.event_id AND a.ticket_id = t.id;
