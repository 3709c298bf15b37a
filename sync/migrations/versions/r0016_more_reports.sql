-- Reports of money by the day on which it came or went, of sections and rows, of times to pay, and of declines. One more is
-- of holds by the minute. Views that were there get columns at their end: what is kept, and when any of it changed last.

ALTER TABLE reservations ADD COLUMN updated_at timestamptz;
UPDATE reservations SET updated_at = coalesce(ended_at, created_at);
ALTER TABLE reservations ALTER COLUMN updated_at SET DEFAULT now(), ALTER COLUMN updated_at SET NOT NULL;
COMMENT ON COLUMN reservations.updated_at IS 'When Redis last changed it.';

CREATE OR REPLACE VIEW counted_reservations AS
SELECT * FROM reservations
WHERE CASE WHEN (SELECT report_from() = '-infinity' AND report_to() = 'infinity') THEN true
  ELSE created_at >= (SELECT report_from()) AND created_at < (SELECT report_to()) END;

-- A refund tells which places went with it, unless an earlier release made it, or the money came late. Then they are those of
-- the reservation, once it has ended so.
CREATE VIEW refunded_places AS
SELECT r.id AS reservation_id, r.event_id, (went ->> 0)::integer AS ticket_id, (went ->> 1)::integer AS quantity
FROM refunds AS f
JOIN counted_reservations AS r ON r.id = f.reservation_id
CROSS JOIN LATERAL json_array_elements(f.places) AS went
UNION ALL
SELECT r.id, r.event_id, i.ticket_id, i.quantity
FROM counted_reservations AS r
JOIN reservation_items AS i ON i.reservation_id = r.id
WHERE r.status IN ('refund_due', 'refunded')
  AND NOT EXISTS (SELECT FROM refunds AS f WHERE f.reservation_id = r.id AND json_array_length(f.places) > 0);
COMMENT ON VIEW refunded_places IS 'Places that were paid for once, and are not any more; those of paid reservations, too.';

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
  max(r.paid_at) AS last_sale_at,
  max(r.updated_at) AS updated_at
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
  coalesce(p.refunded, 0)::bigint AS refunded,
  coalesce(s.revenue_minor, 0)::bigint AS revenue_minor,
  (s.reservations_paid / nullif(s.reservations_ended, 0))::float8 AS conversion,
  coalesce(s.places_of_last_hour, 0)::float8 / 60 AS sales_per_minute,
  s.first_sale_at,
  CASE WHEN s.sold >= c.capacity AND c.capacity > 0 THEN s.last_sale_at END AS sold_out_at,
  e.currency,
  coalesce(k.kept, 0)::bigint AS kept,
  s.updated_at
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
    sum(t.total_minor) FILTER (WHERE t.status = 'paid') AS revenue_minor,
    coalesce(sum(t.reservations) FILTER (WHERE t.status = 'paid'), 0) AS reservations_paid,
    sum(t.reservations) FILTER (WHERE t.status NOT IN ('held', 'paying')) AS reservations_ended,
    sum(t.places_of_last_hour) FILTER (WHERE t.status = 'paid') AS places_of_last_hour,
    min(t.first_sale_at) AS first_sale_at,
    max(t.last_sale_at) FILTER (WHERE t.status = 'paid') AS last_sale_at,
    max(t.updated_at) AS updated_at
  FROM event_status_totals AS t
  GROUP BY t.event_id
) AS s ON s.event_id = e.id
LEFT JOIN (SELECT event_id, sum(quantity) AS refunded FROM refunded_places GROUP BY event_id) AS p ON p.event_id = e.id
LEFT JOIN (
  SELECT k.event_id, sum(k.quantity) AS kept
  FROM kept_items AS k JOIN counted_reservations AS r ON r.id = k.reservation_id
  GROUP BY k.event_id
) AS k ON k.event_id = e.id;
COMMENT ON COLUMN reporting.sales_by_event.refunded IS
  'Paid once; the money went or goes back. Also places of reservations that are still paid for the rest.';
COMMENT ON COLUMN reporting.sales_by_event.kept IS 'Of those refunded: not put back on sale.';
COMMENT ON COLUMN reporting.sales_by_event.updated_at IS 'When one of its reservations changed last; null: it has none.';

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
  coalesce(p.refunded, 0)::bigint AS refunded,
  coalesce(s.revenue_minor, 0)::bigint AS revenue_minor,
  coalesce(s.reservations_paid, 0)::bigint AS reservations_paid,
  coalesce(s.reservations_ended, 0)::bigint AS reservations_ended,
  t.currency,
  coalesce(k.kept, 0)::bigint AS kept,
  s.updated_at
FROM tickets AS t
LEFT JOIN (
  SELECT
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
      i.ticket_id,
      r.status,
      count(*) FILTER (WHERE i.first_of_ticket) AS reservations,
      sum(i.quantity) AS places,
      sum(i.quantity * i.unit_minor) AS total_minor,
      max(r.updated_at) AS updated_at
    FROM reservation_items AS i
    JOIN counted_reservations AS r ON r.id = i.reservation_id
    GROUP BY i.ticket_id, r.status
  ) AS c
  GROUP BY c.ticket_id
) AS s ON s.ticket_id = t.id
LEFT JOIN (
  SELECT ticket_id, sum(quantity) AS refunded FROM refunded_places GROUP BY ticket_id
) AS p ON p.ticket_id = t.id
LEFT JOIN (
  SELECT k.ticket_id, sum(k.quantity) AS kept
  FROM kept_items AS k JOIN counted_reservations AS r ON r.id = k.reservation_id
  GROUP BY k.ticket_id
) AS k ON k.ticket_id = t.id;
COMMENT ON COLUMN reporting.sales_by_ticket.refunded IS
  'Paid once; the money went or goes back. Also places of reservations that are still paid for the rest.';
COMMENT ON COLUMN reporting.sales_by_ticket.kept IS 'Of those refunded: not put back on sale.';
COMMENT ON COLUMN reporting.sales_by_ticket.updated_at IS 'When a reservation with it changed last; null: there is none.';

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
  currency,
  sum(kept)::bigint AS kept,
  max(updated_at) AS updated_at
FROM reporting.sales_by_ticket
GROUP BY ticket_type, currency;
COMMENT ON COLUMN reporting.sales_by_ticket_type.kept IS 'Of those refunded: not put back on sale.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.updated_at IS 'When a reservation with one of them changed last.';

CREATE OR REPLACE VIEW reporting.sales_by_hour AS
SELECT
  event_id,
  date_trunc('hour', paid_at, 'UTC') AS hour,
  count(*) AS reservations,
  sum(places)::bigint AS places,
  sum(total_minor)::bigint AS revenue_minor,
  coalesce(sum(total_minor) FILTER (WHERE status <> 'paid'), 0)::bigint AS refunded_minor,
  currency,
  max(updated_at) AS updated_at
FROM reservations
WHERE paid_at IS NOT NULL
GROUP BY event_id, currency, date_trunc('hour', paid_at, 'UTC');
COMMENT ON COLUMN reporting.sales_by_hour.updated_at IS 'When one of its reservations changed last.';

CREATE OR REPLACE VIEW reporting.sales_by_quarter_hour AS
SELECT
  event_id,
  date_bin('15 minutes', paid_at, timestamptz 'epoch') AS starts_at,
  currency,
  count(*) AS reservations,
  sum(places)::bigint AS places,
  sum(total_minor)::bigint AS revenue_minor,
  coalesce(sum(total_minor) FILTER (WHERE status <> 'paid'), 0)::bigint AS refunded_minor,
  max(updated_at) AS updated_at
FROM reservations
WHERE paid_at IS NOT NULL
GROUP BY event_id, currency, date_bin('15 minutes', paid_at, timestamptz 'epoch');
COMMENT ON COLUMN reporting.sales_by_quarter_hour.updated_at IS 'When one of its reservations changed last.';

CREATE OR REPLACE VIEW reporting.sales_by_customer AS
SELECT
  event_id,
  customer_id,
  count(*) AS reservations,
  count(*) FILTER (WHERE status = 'paid') AS reservations_paid,
  coalesce(sum(places) FILTER (WHERE status = 'paid'), 0)::bigint AS places,
  minor_sum(total_minor) FILTER (WHERE status = 'paid') AS revenue_minor,
  currency,
  max(updated_at) AS updated_at
FROM counted_reservations
GROUP BY event_id, customer_id, currency;
COMMENT ON COLUMN reporting.sales_by_customer.updated_at IS 'When one of their reservations changed last.';

CREATE OR REPLACE VIEW reporting.revenue AS
SELECT
  date_trunc('day', paid_at, 'UTC')::date AS day,
  count(*) AS reservations,
  sum(total_minor)::bigint AS gross_minor,
  coalesce(sum(total_minor) FILTER (WHERE status IN ('refund_due', 'refunded')), 0)::bigint AS refunded_minor,
  coalesce(sum(total_minor) FILTER (WHERE status = 'paid'), 0)::bigint AS net_minor,
  currency,
  max(updated_at) AS updated_at
FROM reservations
WHERE paid_at IS NOT NULL
GROUP BY date_trunc('day', paid_at, 'UTC'), currency;
COMMENT ON COLUMN reporting.revenue.updated_at IS 'When one of its reservations changed last.';

CREATE OR REPLACE VIEW reporting.hold_conversion AS
SELECT
  e.id AS event_id,
  e.name,
  sum(t.reservations)::bigint AS holds,
  coalesce(sum(t.reservations) FILTER (WHERE t.status IN ('held', 'paying')), 0)::bigint AS open,
  coalesce(sum(t.reservations) FILTER (WHERE t.status = 'paid'), 0)::bigint AS paid,
  coalesce(sum(t.reservations) FILTER (WHERE t.status = 'cancelled'), 0)::bigint AS cancelled,
  coalesce(sum(t.reservations) FILTER (WHERE t.status = 'expired'), 0)::bigint AS expired,
  coalesce(sum(t.reservations) FILTER (WHERE t.status IN ('refund_due', 'refunded')), 0)::bigint AS refunded,
  (coalesce(sum(t.reservations) FILTER (WHERE t.status = 'paid'), 0)
    / nullif(sum(t.reservations) FILTER (WHERE t.status NOT IN ('held', 'paying')), 0))::float8 AS conversion,
  (sum(t.seconds_to_pay) FILTER (WHERE t.status = 'paid')
    / nullif(sum(t.reservations) FILTER (WHERE t.status = 'paid'), 0))::float8 AS mean_seconds_to_pay,
  max(t.updated_at) AS updated_at
FROM events AS e
JOIN event_status_totals AS t ON t.event_id = e.id
GROUP BY e.id;
COMMENT ON COLUMN reporting.hold_conversion.updated_at IS 'When one of its reservations changed last.';

CREATE OR REPLACE VIEW reporting.time_to_sell_out AS
SELECT
  s.event_id,
  s.name,
  s.capacity,
  s.sold,
  coalesce(e.sale_opens_at, h.first_hold_at) AS sale_began_at,
  s.first_sale_at,
  s.sold_out_at,
  extract(epoch FROM s.sold_out_at - coalesce(e.sale_opens_at, h.first_hold_at))::float8 AS seconds_to_sell_out,
  s.updated_at
FROM reporting.sales_by_event AS s
JOIN events AS e ON e.id = s.event_id
LEFT JOIN (
  SELECT event_id, min(first_hold_at) AS first_hold_at FROM event_status_totals GROUP BY event_id
) AS h ON h.event_id = s.event_id;
COMMENT ON COLUMN reporting.time_to_sell_out.updated_at IS 'When one of its reservations changed last; null: it has none.';

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
  e.currency,
  coalesce((
    SELECT count(DISTINCT r.id)
    FROM counted_reservations AS r JOIN refunds AS f ON f.reservation_id = r.id
    WHERE r.event_id = e.id AND r.status = 'paid'
  ), 0)::bigint AS partly_refunded_reservations,
  coalesce((
    SELECT sum(f.amount_minor)
    FROM counted_reservations AS r JOIN refunds AS f ON f.reservation_id = r.id
    WHERE r.event_id = e.id AND r.status = 'paid'
  ), 0)::bigint AS partly_refunded_minor,
  max(t.updated_at) AS updated_at
FROM events AS e
JOIN event_status_totals AS t ON t.event_id = e.id
GROUP BY e.id;
COMMENT ON COLUMN reporting.expiry_and_refund.partly_refunded_reservations IS
  'Paid, with places or money of them that went or go back.';
COMMENT ON COLUMN reporting.expiry_and_refund.partly_refunded_minor IS 'That money.';
COMMENT ON COLUMN reporting.expiry_and_refund.updated_at IS 'When one of its reservations changed last.';

CREATE OR REPLACE VIEW reporting.bookings_by_slot AS
SELECT
  b.event_id,
  e.name,
  max(b.starts_at) AS slot_starts_at,
  b.slot AS slot_local_time,
  s.capacity,
  count(*) AS bookings,
  count(*) FILTER (WHERE b.expires_at <= now()) AS expired,
  max(b.changed_at) AS updated_at
FROM bookings AS b
JOIN events AS e ON e.id = b.event_id
JOIN schedules AS s ON s.event_id = b.event_id
GROUP BY b.event_id, e.name, b.slot, s.capacity;
COMMENT ON COLUMN reporting.bookings_by_slot.updated_at IS 'When one of its bookings changed last.';

-- What the gateway took and gave back, by when. Other views count a reservation when it was first paid.
CREATE VIEW reporting.money_by_quarter_hour AS
SELECT
  m.event_id,
  date_bin('15 minutes', m.at, timestamptz 'epoch') AS starts_at,
  m.currency,
  count(*) FILTER (WHERE m.kind = 'charge') AS charges,
  minor_sum(m.amount_minor) FILTER (WHERE m.kind = 'charge') AS charged_minor,
  count(*) FILTER (WHERE m.kind <> 'charge') AS refunds,
  minor_sum(m.amount_minor) FILTER (WHERE m.kind <> 'charge') AS refunded_minor,
  count(*) FILTER (WHERE m.kind = 'part') AS partial_refunds,
  minor_sum(m.amount_minor) FILTER (WHERE m.kind = 'part') AS partly_refunded_minor,
  coalesce(sum(m.places) FILTER (WHERE m.kind <> 'charge'), 0)::bigint AS refunded_places,
  max(m.updated_at) AS updated_at
FROM (
  SELECT r.event_id, p.completed_at AS at, r.currency, 'charge' AS kind, p.amount_minor, 0 AS places, r.updated_at
  FROM payments AS p JOIN reservations AS r ON r.id = p.reservation_id
  WHERE p.completed_at IS NOT NULL AND (p.exchange IS NULL OR p.amount_minor > 0)
  UNION ALL
  SELECT
    r.event_id,
    f.created_at,
    r.currency,
    CASE r.status WHEN 'paid' THEN 'part' ELSE 'whole' END,
    f.amount_minor,
    (SELECT coalesce(sum((went ->> 1)::integer), 0) FROM json_array_elements(f.places) AS went),
    r.updated_at
  FROM refunds AS f JOIN reservations AS r ON r.id = f.reservation_id
) AS m
GROUP BY m.event_id, m.currency, date_bin('15 minutes', m.at, timestamptz 'epoch');
COMMENT ON VIEW reporting.money_by_quarter_hour IS
  'One row per event, currency and quarter of an hour in which money came or went: days of any time zone are sums of it.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.event_id IS 'The event.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.starts_at IS 'The beginning of the quarter of an hour.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.currency IS 'Of the money.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.charges IS 'Payments that were taken in it: of reservations and of exchanges.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.charged_minor IS 'Their money.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.refunds IS 'Refunds that were decided on in it, given back by now or not.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.refunded_minor IS 'Their money.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.partial_refunds IS 'Of those: of reservations that are still paid.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.partly_refunded_minor IS 'Money of partial refunds.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.refunded_places IS 'Places that went with the refunds.';
COMMENT ON COLUMN reporting.money_by_quarter_hour.updated_at IS 'When one of the reservations changed last.';

CREATE VIEW reporting.money_by_day AS
SELECT
  date_trunc('day', starts_at, 'UTC')::date AS day,
  currency,
  sum(charges)::bigint AS charges,
  minor_sum(charged_minor) AS charged_minor,
  sum(refunds)::bigint AS refunds,
  minor_sum(refunded_minor) AS refunded_minor,
  sum(partial_refunds)::bigint AS partial_refunds,
  minor_sum(partly_refunded_minor) AS partly_refunded_minor,
  sum(refunded_places)::bigint AS refunded_places,
  max(updated_at) AS updated_at
FROM reporting.money_by_quarter_hour
GROUP BY date_trunc('day', starts_at, 'UTC'), currency;
COMMENT ON VIEW reporting.money_by_day IS 'One row per currency and day of UTC on which money came or went.';
COMMENT ON COLUMN reporting.money_by_day.day IS 'The day.';
COMMENT ON COLUMN reporting.money_by_day.currency IS 'Of the money.';
COMMENT ON COLUMN reporting.money_by_day.charges IS 'Payments that were taken on it.';
COMMENT ON COLUMN reporting.money_by_day.charged_minor IS 'Their money.';
COMMENT ON COLUMN reporting.money_by_day.refunds IS 'Refunds that were decided on that day, whenever was paid.';
COMMENT ON COLUMN reporting.money_by_day.refunded_minor IS 'Their money.';
COMMENT ON COLUMN reporting.money_by_day.partial_refunds IS 'Of those: of reservations that are still paid.';
COMMENT ON COLUMN reporting.money_by_day.partly_refunded_minor IS 'Money of partial refunds.';
COMMENT ON COLUMN reporting.money_by_day.refunded_places IS 'Places that went with the refunds.';
COMMENT ON COLUMN reporting.money_by_day.updated_at IS 'When one of the reservations changed last.';

CREATE VIEW reporting.sales_by_section AS
SELECT
  r.event_id,
  s.id AS section_id,
  s.name AS section,
  r.currency,
  coalesce(sum(i.quantity) FILTER (WHERE r.status IN ('held', 'paying')), 0)::bigint AS held,
  coalesce(sum(i.quantity) FILTER (WHERE r.status = 'paid'), 0)::bigint AS sold,
  coalesce(sum(i.quantity * i.unit_minor) FILTER (WHERE r.status = 'paid'), 0)::bigint AS revenue_minor,
  max(r.updated_at) AS updated_at
FROM reservation_items AS i
JOIN counted_reservations AS r ON r.id = i.reservation_id
JOIN sections AS s ON i.pool ~ '^s\d+$' AND s.id = substr(i.pool, 2)::integer
GROUP BY r.event_id, s.id, s.name, r.currency;
COMMENT ON VIEW reporting.sales_by_section IS 'One row per event and section of which anything was reserved; counts are of places.';
COMMENT ON COLUMN reporting.sales_by_section.event_id IS 'The event.';
COMMENT ON COLUMN reporting.sales_by_section.section_id IS 'The section of its venue.';
COMMENT ON COLUMN reporting.sales_by_section.section IS 'Its name.';
COMMENT ON COLUMN reporting.sales_by_section.currency IS 'Of revenue_minor.';
COMMENT ON COLUMN reporting.sales_by_section.held IS 'Held and paying.';
COMMENT ON COLUMN reporting.sales_by_section.sold IS 'Paid, and not refunded since.';
COMMENT ON COLUMN reporting.sales_by_section.revenue_minor IS 'Price of what is sold.';
COMMENT ON COLUMN reporting.sales_by_section.updated_at IS 'When a reservation in it changed last.';

CREATE VIEW reporting.sales_by_row AS
SELECT
  r.event_id,
  s.id AS section_id,
  s.name AS section,
  b.name AS "row",
  b.seats,
  r.currency,
  count(*) FILTER (WHERE r.status IN ('held', 'paying')) AS held,
  count(*) FILTER (WHERE r.status = 'paid') AS sold,
  minor_sum(i.unit_minor) FILTER (WHERE r.status = 'paid') AS revenue_minor,
  max(r.updated_at) AS updated_at
FROM reservation_items AS i
JOIN counted_reservations AS r ON r.id = i.reservation_id
CROSS JOIN LATERAL unnest(i.seats) AS place
JOIN row_places AS b
  ON b.section_id = substr(i.pool, 2)::integer AND place >= b.first_place AND place < b.first_place + b.seats
JOIN sections AS s ON s.id = b.section_id
GROUP BY r.event_id, s.id, s.name, b.first_seat_id, b.name, b.seats, r.currency;
COMMENT ON VIEW reporting.sales_by_row IS 'One row per event and row of seats of which any was reserved; counts are of seats.';
COMMENT ON COLUMN reporting.sales_by_row.event_id IS 'The event.';
COMMENT ON COLUMN reporting.sales_by_row.section_id IS 'The section of its venue.';
COMMENT ON COLUMN reporting.sales_by_row.section IS 'Its name.';
COMMENT ON COLUMN reporting.sales_by_row."row" IS 'The name of the row.';
COMMENT ON COLUMN reporting.sales_by_row.seats IS 'All seats of it.';
COMMENT ON COLUMN reporting.sales_by_row.currency IS 'Of revenue_minor.';
COMMENT ON COLUMN reporting.sales_by_row.held IS 'Held and paying.';
COMMENT ON COLUMN reporting.sales_by_row.sold IS 'Paid, and not refunded since.';
COMMENT ON COLUMN reporting.sales_by_row.revenue_minor IS 'Price of what is sold.';
COMMENT ON COLUMN reporting.sales_by_row.updated_at IS 'When a reservation in it changed last.';

CREATE VIEW reporting.time_to_pay AS
SELECT
  e.id AS event_id,
  e.name,
  p.reservations,
  p.seconds[1] AS seconds_p50,
  p.seconds[2] AS seconds_p90,
  p.seconds[3] AS seconds_p95,
  p.seconds[4] AS seconds_p99,
  p.updated_at
FROM events AS e
JOIN (
  SELECT
    event_id,
    count(*) AS reservations,
    percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM paid_at - created_at)::float8)
      AS seconds,
    max(updated_at) AS updated_at
  FROM counted_reservations
  WHERE paid_at IS NOT NULL
  GROUP BY event_id
) AS p ON p.event_id = e.id;
COMMENT ON VIEW reporting.time_to_pay IS 'How long customers took from the hold to the payment, of each event of which anything was paid.';
COMMENT ON COLUMN reporting.time_to_pay.event_id IS 'The event.';
COMMENT ON COLUMN reporting.time_to_pay.name IS 'Its name as it is now.';
COMMENT ON COLUMN reporting.time_to_pay.reservations IS 'Reservations that were paid, refunded later or not.';
COMMENT ON COLUMN reporting.time_to_pay.seconds_p50 IS 'Half of them took at most so many seconds.';
COMMENT ON COLUMN reporting.time_to_pay.seconds_p90 IS 'Nine of ten took at most so many.';
COMMENT ON COLUMN reporting.time_to_pay.seconds_p95 IS '95 of 100 took at most so many.';
COMMENT ON COLUMN reporting.time_to_pay.seconds_p99 IS '99 of 100 took at most so many.';
COMMENT ON COLUMN reporting.time_to_pay.updated_at IS 'When one of them changed last.';

CREATE VIEW reporting.declines_by_reason AS
SELECT
  r.event_id,
  p.reason,
  r.currency,
  count(*) AS attempts,
  count(DISTINCT r.id) AS reservations,
  count(DISTINCT r.id) FILTER (WHERE r.paid_at IS NOT NULL) AS reservations_paid,
  minor_sum(p.amount_minor) AS amount_minor,
  max(p.settled_at) AS updated_at
FROM payments AS p
JOIN counted_reservations AS r ON r.id = p.reservation_id
WHERE p.status = 'failed'
GROUP BY r.event_id, p.reason, r.currency;
COMMENT ON VIEW reporting.declines_by_reason IS 'One row per event and reason why attempts to pay failed.';
COMMENT ON COLUMN reporting.declines_by_reason.event_id IS 'The event.';
COMMENT ON COLUMN reporting.declines_by_reason.reason IS 'card_declined or payment_failed.';
COMMENT ON COLUMN reporting.declines_by_reason.currency IS 'Of amount_minor.';
COMMENT ON COLUMN reporting.declines_by_reason.attempts IS 'Attempts that failed so.';
COMMENT ON COLUMN reporting.declines_by_reason.reservations IS 'Reservations with such attempts.';
COMMENT ON COLUMN reporting.declines_by_reason.reservations_paid IS 'Of those: paid by another attempt.';
COMMENT ON COLUMN reporting.declines_by_reason.amount_minor IS 'What was to be paid by the attempts.';
COMMENT ON COLUMN reporting.declines_by_reason.updated_at IS 'When the last of them failed.';

CREATE VIEW reporting.holds_by_minute AS
SELECT
  event_id,
  date_trunc('minute', created_at, 'UTC') AS minute,
  count(*) AS holds,
  sum(places)::bigint AS places,
  count(*) FILTER (WHERE paid_at IS NOT NULL) AS paid,
  max(updated_at) AS updated_at
FROM counted_reservations
GROUP BY event_id, date_trunc('minute', created_at, 'UTC');
COMMENT ON VIEW reporting.holds_by_minute IS 'One row per event and minute in which anything was held.';
COMMENT ON COLUMN reporting.holds_by_minute.event_id IS 'The event.';
COMMENT ON COLUMN reporting.holds_by_minute.minute IS 'Its beginning.';
COMMENT ON COLUMN reporting.holds_by_minute.holds IS 'Reservations that began in it, however they ended.';
COMMENT ON COLUMN reporting.holds_by_minute.places IS 'Places in them.';
COMMENT ON COLUMN reporting.holds_by_minute.paid IS 'Of the reservations: paid, refunded later or not.';
COMMENT ON COLUMN reporting.holds_by_minute.updated_at IS 'When one of them changed last.';

CREATE VIEW reporting.exchanges AS
SELECT
  r.event_id,
  p.reservation_id,
  p.id AS exchange_id,
  p.settled_at AS exchanged_at,
  r.currency,
  p.amount_minor AS charged_minor,
  coalesce((
    SELECT sum(f.amount_minor) FROM refunds AS f WHERE f.reservation_id = p.reservation_id AND f.id = p.id
  ), 0)::bigint AS refunded_minor,
  (SELECT sum((line ->> 2)::integer) FROM json_array_elements(p.exchange -> 0 -> 0) AS line)::bigint AS places_before,
  (SELECT sum((line ->> 2)::integer) FROM json_array_elements(p.exchange -> 0 -> 1) AS line)::bigint AS places_after,
  p.settled_at AS updated_at
FROM payments AS p
JOIN counted_reservations AS r ON r.id = p.reservation_id
WHERE p.exchange IS NOT NULL AND p.completed_at IS NOT NULL AND p.reason <> 'late';
COMMENT ON VIEW reporting.exchanges IS 'One row per exchange of a paid reservation that was made.';
COMMENT ON COLUMN reporting.exchanges.event_id IS 'The event.';
COMMENT ON COLUMN reporting.exchanges.reservation_id IS 'The reservation.';
COMMENT ON COLUMN reporting.exchanges.exchange_id IS 'The id of the exchange, which is a payment''s.';
COMMENT ON COLUMN reporting.exchanges.exchanged_at IS 'When it was made.';
COMMENT ON COLUMN reporting.exchanges.currency IS 'Of the money.';
COMMENT ON COLUMN reporting.exchanges.charged_minor IS 'What was charged for it; 0 if it did not cost more.';
COMMENT ON COLUMN reporting.exchanges.refunded_minor IS 'What went or goes back because it cost less.';
COMMENT ON COLUMN reporting.exchanges.places_before IS 'Places that the reservation had.';
COMMENT ON COLUMN reporting.exchanges.places_after IS 'Places that it had then.';
COMMENT ON COLUMN reporting.exchanges.updated_at IS 'When it was made.';
