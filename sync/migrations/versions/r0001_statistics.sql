-- Statistics are read from the rows whenever somebody asks, and never added up on delivery: they cannot drift.
--
-- Each reservation counts once, by its present status; all but `conversion` count places. `refunded` takes refund_due in:
-- its places are nobody's, and its money is on the way back. Revenue is the price of what is paid now.

CREATE VIEW event_statistics AS
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
CROSS JOIN LATERAL (SELECT sum(t.capacity) AS capacity FROM tickets AS t WHERE t.event_id = e.id) AS c;
COMMENT ON VIEW event_statistics IS 'One row per event.';
COMMENT ON COLUMN event_statistics.conversion IS 'Paid reservations / all that ended; null while none has ended.';
COMMENT ON COLUMN event_statistics.sales_per_minute IS 'Places sold in the last hour, and still sold, / 60.';
COMMENT ON COLUMN event_statistics.first_sale_at IS 'When a place was first paid; stays when that one is refunded.';
COMMENT ON COLUMN event_statistics.sold_out_at IS
  'When the last place of the capacity was paid, if all of it is sold: sold never exceeds capacity, so it is the last sale.';

CREATE VIEW ticket_type_statistics AS
SELECT
  t.ticket_type,
  coalesce(sum(i.quantity) FILTER (WHERE r.status IN ('held', 'paying', 'paid')), 0) AS reserved,
  coalesce(sum(i.quantity) FILTER (WHERE r.status IN ('held', 'paying')), 0) AS held,
  coalesce(sum(i.quantity) FILTER (WHERE r.status = 'paid'), 0) AS sold,
  coalesce(sum(i.quantity) FILTER (WHERE r.status = 'cancelled'), 0) AS cancelled,
  coalesce(sum(i.quantity) FILTER (WHERE r.status = 'expired'), 0) AS expired,
  coalesce(sum(i.quantity) FILTER (WHERE r.status IN ('refund_due', 'refunded')), 0) AS refunded,
  coalesce(sum(i.quantity * i.unit_minor) FILTER (WHERE r.status = 'paid'), 0)::bigint AS revenue_minor,
  count(*) FILTER (WHERE i.first_of_ticket AND r.status = 'paid')::float8
    / nullif(count(*) FILTER (WHERE i.first_of_ticket AND r.status NOT IN ('held', 'paying')), 0) AS conversion
FROM tickets AS t
LEFT JOIN reservation_items AS i ON i.ticket_id = t.id
LEFT JOIN reservations AS r ON r.id = i.reservation_id
GROUP BY t.ticket_type;
COMMENT ON VIEW ticket_type_statistics IS 'One row per name of a ticket type, over all events.';
COMMENT ON COLUMN ticket_type_statistics.conversion IS
  'Paid reservations / all that ended, each counted for every ticket in it; null while none has ended.';
