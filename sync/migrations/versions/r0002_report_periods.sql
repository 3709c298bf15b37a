-- Reports of a period, of a currency and of any time zone. Money is in minor units of the currency that stands beside it.

CREATE FUNCTION report_from() RETURNS timestamptz
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN coalesce(nullif(current_setting('onsale.report_from', true), '')::timestamptz, '-infinity');
COMMENT ON FUNCTION report_from IS
  'Reports count reservations that were made from this instant on: the setting onsale.report_from of the session, if it is set.';

CREATE FUNCTION report_to() RETURNS timestamptz
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN coalesce(nullif(current_setting('onsale.report_to', true), '')::timestamptz, 'infinity');
COMMENT ON FUNCTION report_to IS 'Reports count reservations that were made before this instant: onsale.report_to, as report_from().';

-- The bounds are read once, not for each row. CASE keeps the planner from taking a period for a narrow one, where it would
-- look up each item by itself.
CREATE VIEW counted_reservations AS
SELECT * FROM reservations
WHERE CASE WHEN (SELECT report_from() = '-infinity' AND report_to() = 'infinity') THEN true
  ELSE created_at >= (SELECT report_from()) AND created_at < (SELECT report_to()) END;
COMMENT ON VIEW counted_reservations IS 'Reservations that reports count: those made within the period of the session, or all.';

CREATE OR REPLACE VIEW event_status_totals AS
SELECT
  r.event_id,
  r.status,
  count(*) AS reservations,
  sum(r.places) AS places,
  sum(r.total_minor) AS total_minor,
  sum(r.places) FILTER (WHERE r.paid_at > now() - interval '1 hour') AS places_of_last_hour,
  sum(extract(epoch FROM r.paid_at - r.created_at)) AS seconds_to_pay,
  min(r.created_at) AS first_hold_at,
  min(r.paid_at) AS first_sale_at,
  max(r.paid_at) AS last_sale_at
FROM counted_reservations AS r
GROUP BY r.event_id, r.status;

CREATE OR REPLACE VIEW reporting.sales_by_event AS
SELECT
  e.id AS event_id,
  e.name,
  e.starts_at,
  c.capacity::bigint AS capacity,
  coalesce(s.reserved, 0)::bigint AS reserved,
  coalesce(s.held, 0)::bigint AS held,
  coalesce(s.sold, 0)::bigint AS sold,
  coalesce(s.cancelled, 0)::bigint AS cancelled,
  coalesce(s.expired, 0)::bigint AS expired,
  coalesce(s.refunded, 0)::bigint AS refunded,
  coalesce(s.revenue_minor, 0)::bigint AS revenue_minor,
  (s.reservations_paid / nullif(s.reservations_ended, 0))::float8 AS conversion,
  coalesce(s.places_of_last_hour, 0)::float8 / 60 AS sales_per_minute,
  s.first_sale_at,
  CASE WHEN s.sold >= c.capacity AND c.capacity > 0 THEN s.last_sale_at END AS sold_out_at,
  (SELECT min(t.currency) FROM tickets AS t WHERE t.event_id = e.id) AS currency
FROM events AS e
JOIN event_capacities AS c ON c.event_id = e.id
LEFT JOIN (
  SELECT
    t.event_id,
    sum(t.places) FILTER (WHERE t.status IN ('held', 'paying', 'paid')) AS reserved,
    sum(t.places) FILTER (WHERE t.status IN ('held', 'paying')) AS held,
    sum(t.places) FILTER (WHERE t.status = 'paid') AS sold,
    sum(t.places) FILTER (WHERE t.status = 'cancelled') AS cancelled,
    sum(t.places) FILTER (WHERE t.status = 'expired') AS expired,
    sum(t.places) FILTER (WHERE t.status IN ('refund_due', 'refunded')) AS refunded,
    sum(t.total_minor) FILTER (WHERE t.status = 'paid') AS revenue_minor,
    coalesce(sum(t.reservations) FILTER (WHERE t.status = 'paid'), 0) AS reservations_paid,
    sum(t.reservations) FILTER (WHERE t.status NOT IN ('held', 'paying')) AS reservations_ended,
    sum(t.places_of_last_hour) FILTER (WHERE t.status = 'paid') AS places_of_last_hour,
    min(t.first_sale_at) AS first_sale_at,
    max(t.last_sale_at) FILTER (WHERE t.status = 'paid') AS last_sale_at
  FROM event_status_totals AS t
  GROUP BY t.event_id
) AS s ON s.event_id = e.id;
COMMENT ON COLUMN reporting.sales_by_event.currency IS 'Of revenue_minor; null while the event has no ticket with a price.';

CREATE OR REPLACE VIEW reporting.sales_by_ticket AS
SELECT
  t.id AS ticket_id,
  t.event_id,
  t.ticket_type,
  t.unit_minor,
  coalesce(s.reserved, 0)::bigint AS reserved,
  coalesce(s.held, 0)::bigint AS held,
  coalesce(s.sold, 0)::bigint AS sold,
  coalesce(s.cancelled, 0)::bigint AS cancelled,
  coalesce(s.expired, 0)::bigint AS expired,
  coalesce(s.refunded, 0)::bigint AS refunded,
  coalesce(s.revenue_minor, 0)::bigint AS revenue_minor,
  coalesce(s.reservations_paid, 0)::bigint AS reservations_paid,
  coalesce(s.reservations_ended, 0)::bigint AS reservations_ended,
  t.currency
FROM tickets AS t
LEFT JOIN (
  SELECT
    c.ticket_id,
    sum(c.places) FILTER (WHERE c.status IN ('held', 'paying', 'paid')) AS reserved,
    sum(c.places) FILTER (WHERE c.status IN ('held', 'paying')) AS held,
    sum(c.places) FILTER (WHERE c.status = 'paid') AS sold,
    sum(c.places) FILTER (WHERE c.status = 'cancelled') AS cancelled,
    sum(c.places) FILTER (WHERE c.status = 'expired') AS expired,
    sum(c.places) FILTER (WHERE c.status IN ('refund_due', 'refunded')) AS refunded,
    sum(c.total_minor) FILTER (WHERE c.status = 'paid') AS revenue_minor,
    sum(c.reservations) FILTER (WHERE c.status = 'paid') AS reservations_paid,
    sum(c.reservations) FILTER (WHERE c.status NOT IN ('held', 'paying')) AS reservations_ended
  FROM (
    SELECT
      i.ticket_id,
      r.status,
      count(*) FILTER (WHERE i.first_of_ticket) AS reservations,
      sum(i.quantity) AS places,
      sum(i.quantity * i.unit_minor) AS total_minor
    FROM reservation_items AS i
    JOIN counted_reservations AS r ON r.id = i.reservation_id
    GROUP BY i.ticket_id, r.status
  ) AS c
  GROUP BY c.ticket_id
) AS s ON s.ticket_id = t.id;
COMMENT ON COLUMN reporting.sales_by_ticket.currency IS 'Of unit_minor and revenue_minor.';

CREATE OR REPLACE VIEW reporting.sales_by_ticket_type AS
SELECT
  ticket_type,
  sum(reserved)::bigint AS reserved,
  sum(held)::bigint AS held,
  sum(sold)::bigint AS sold,
  sum(cancelled)::bigint AS cancelled,
  sum(expired)::bigint AS expired,
  sum(refunded)::bigint AS refunded,
  sum(revenue_minor)::bigint AS revenue_minor,
  (sum(reservations_paid) / nullif(sum(reservations_ended), 0))::float8 AS conversion,
  currency
FROM reporting.sales_by_ticket
GROUP BY ticket_type, currency;
COMMENT ON VIEW reporting.sales_by_ticket_type IS
  'One row per name of a ticket and currency, over all events; counts are of places.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.currency IS 'Of revenue_minor.';

CREATE OR REPLACE VIEW reporting.sales_by_hour AS
SELECT
  event_id,
  date_trunc('hour', paid_at, 'UTC') AS hour,
  count(*) AS reservations,
  sum(places)::bigint AS places,
  sum(total_minor)::bigint AS revenue_minor,
  coalesce(sum(total_minor) FILTER (WHERE status <> 'paid'), 0)::bigint AS refunded_minor,
  currency
FROM reservations
WHERE paid_at IS NOT NULL
GROUP BY event_id, currency, date_trunc('hour', paid_at, 'UTC');
COMMENT ON COLUMN reporting.sales_by_hour.currency IS 'Of the money.';

-- The hours and days of any time zone begin at a quarter of an hour of UTC.
CREATE VIEW reporting.sales_by_quarter_hour AS
SELECT
  event_id,
  date_bin('15 minutes', paid_at, timestamptz 'epoch') AS starts_at,
  currency,
  count(*) AS reservations,
  sum(places)::bigint AS places,
  sum(total_minor)::bigint AS revenue_minor,
  coalesce(sum(total_minor) FILTER (WHERE status <> 'paid'), 0)::bigint AS refunded_minor
FROM reservations
WHERE paid_at IS NOT NULL
GROUP BY event_id, currency, date_bin('15 minutes', paid_at, timestamptz 'epoch');
COMMENT ON VIEW reporting.sales_by_quarter_hour IS
  'One row per event, currency and quarter of an hour in which something was paid: hours and days of any time zone are sums of it.';
COMMENT ON COLUMN reporting.sales_by_quarter_hour.event_id IS 'The event.';
COMMENT ON COLUMN reporting.sales_by_quarter_hour.starts_at IS 'The beginning of the quarter of an hour.';
COMMENT ON COLUMN reporting.sales_by_quarter_hour.currency IS 'Of the money.';
COMMENT ON COLUMN reporting.sales_by_quarter_hour.reservations IS 'Reservations that were paid in it.';
COMMENT ON COLUMN reporting.sales_by_quarter_hour.places IS 'Places in them.';
COMMENT ON COLUMN reporting.sales_by_quarter_hour.revenue_minor IS 'What was paid in it, refunded later or not.';
COMMENT ON COLUMN reporting.sales_by_quarter_hour.refunded_minor IS 'How much of that was refunded later, or is about to be.';

CREATE OR REPLACE VIEW reporting.sales_by_customer AS
SELECT
  event_id,
  customer_id,
  count(*) AS reservations,
  count(*) FILTER (WHERE status = 'paid') AS reservations_paid,
  coalesce(sum(places) FILTER (WHERE status = 'paid'), 0)::bigint AS places,
  minor_sum(total_minor) FILTER (WHERE status = 'paid') AS revenue_minor,
  currency
FROM counted_reservations
GROUP BY event_id, customer_id, currency;
COMMENT ON COLUMN reporting.sales_by_customer.currency IS 'Of revenue_minor.';

CREATE OR REPLACE VIEW reporting.revenue AS
SELECT
  date_trunc('day', paid_at, 'UTC')::date AS day,
  count(*) AS reservations,
  sum(total_minor)::bigint AS gross_minor,
  coalesce(sum(total_minor) FILTER (WHERE status IN ('refund_due', 'refunded')), 0)::bigint AS refunded_minor,
  coalesce(sum(total_minor) FILTER (WHERE status = 'paid'), 0)::bigint AS net_minor,
  currency
FROM reservations
WHERE paid_at IS NOT NULL
GROUP BY date_trunc('day', paid_at, 'UTC'), currency;
COMMENT ON VIEW reporting.revenue IS 'One row per currency and day of UTC on which something was paid.';
COMMENT ON COLUMN reporting.revenue.currency IS 'Of the money.';

CREATE OR REPLACE VIEW reporting.expiry_and_refund AS
SELECT
  e.id AS event_id,
  e.name,
  coalesce(sum(t.reservations) FILTER (WHERE t.status = 'expired'), 0)::bigint AS expired_reservations,
  coalesce(sum(t.places) FILTER (WHERE t.status = 'expired'), 0)::bigint AS expired_places,
  coalesce(sum(t.reservations) FILTER (WHERE t.status = 'cancelled'), 0)::bigint AS cancelled_reservations,
  coalesce(sum(t.places) FILTER (WHERE t.status = 'cancelled'), 0)::bigint AS cancelled_places,
  coalesce(sum(t.reservations) FILTER (WHERE t.status = 'refunded'), 0)::bigint AS refunded_reservations,
  coalesce(sum(t.total_minor) FILTER (WHERE t.status = 'refunded'), 0)::bigint AS refunded_minor,
  coalesce(sum(t.reservations) FILTER (WHERE t.status = 'refund_due'), 0)::bigint AS refund_due_reservations,
  coalesce(sum(t.total_minor) FILTER (WHERE t.status = 'refund_due'), 0)::bigint AS refund_due_minor,
  (SELECT min(t.currency) FROM tickets AS t WHERE t.event_id = e.id) AS currency
FROM events AS e
JOIN event_status_totals AS t ON t.event_id = e.id
GROUP BY e.id;
COMMENT ON COLUMN reporting.expiry_and_refund.currency IS 'Of the money; null if the event has no ticket any more.';
