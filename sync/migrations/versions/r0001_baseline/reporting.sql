-- What analysts read. The views of this schema are a promise: their columns keep their names and meanings, tables do not.
-- Statistics over HTTP and `onsale report` read them too. Everything is derived from the rows at the moment of asking, and
-- never added up on delivery: it cannot drift. They read tables with their owner's rights; who may read them is told in
-- rights.sql.
--
-- Each reservation counts once, by its present status. Money is in minor units of EUR, the only currency. `refunded`
-- takes refund_due in: its places are nobody's, and its money is on the way back.

-- The million rows are counted by event and status first: some hundred groups are all that is left to tell apart.
CREATE VIEW event_status_totals AS
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
FROM reservations AS r
GROUP BY r.event_id, r.status;
COMMENT ON VIEW event_status_totals IS 'Reservations of each event by present status: what the reports are made from.';

CREATE AGGREGATE minor_sum(bigint) (
  SFUNC = int8pl, STYPE = bigint, INITCOND = '0', COMBINEFUNC = int8pl, PARALLEL = SAFE
);
COMMENT ON AGGREGATE minor_sum(bigint) IS
  'A sum of money in minor units; of none 0. What does not fit into bigint is an error. sum(bigint) counts in numeric, for '
  'which every group pays: a fifth of a second for 400,000 customers.';

CREATE SCHEMA reporting;
COMMENT ON SCHEMA reporting IS 'For analysts: views whose columns keep their names and meanings.';

CREATE VIEW reporting.sales_by_event AS
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
  CASE WHEN s.sold >= c.capacity AND c.capacity > 0 THEN s.last_sale_at END AS sold_out_at
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
COMMENT ON VIEW reporting.sales_by_event IS 'One row per event; counts are of places.';
COMMENT ON COLUMN reporting.sales_by_event.event_id IS 'The event.';
COMMENT ON COLUMN reporting.sales_by_event.name IS 'Its name as it is now.';
COMMENT ON COLUMN reporting.sales_by_event.starts_at IS 'When it takes place.';
COMMENT ON COLUMN reporting.sales_by_event.capacity IS 'Places for sale, taken or not; without blocked seats.';
COMMENT ON COLUMN reporting.sales_by_event.reserved IS 'Held, paying and paid.';
COMMENT ON COLUMN reporting.sales_by_event.held IS 'Held and paying.';
COMMENT ON COLUMN reporting.sales_by_event.sold IS 'Paid, and not refunded since.';
COMMENT ON COLUMN reporting.sales_by_event.cancelled IS 'Given back by the customer.';
COMMENT ON COLUMN reporting.sales_by_event.expired IS 'Given back because nobody paid in time.';
COMMENT ON COLUMN reporting.sales_by_event.refunded IS 'Paid once; the money went or goes back.';
COMMENT ON COLUMN reporting.sales_by_event.revenue_minor IS 'Price of what is sold.';
COMMENT ON COLUMN reporting.sales_by_event.conversion IS 'Paid reservations / all that ended; null while none has ended.';
COMMENT ON COLUMN reporting.sales_by_event.sales_per_minute IS 'Places sold in the last hour, and still sold, / 60.';
COMMENT ON COLUMN reporting.sales_by_event.first_sale_at IS 'When a place was first paid; stays when that one is refunded.';
COMMENT ON COLUMN reporting.sales_by_event.sold_out_at IS
  'When the last place of the capacity was paid, if all of it is sold: sold never exceeds capacity, so it is the last sale.';

-- Here, too, rows are counted before they are named: by ticket and status.
CREATE VIEW reporting.sales_by_ticket AS
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
  coalesce(s.reservations_ended, 0)::bigint AS reservations_ended
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
    JOIN reservations AS r ON r.id = i.reservation_id
    GROUP BY i.ticket_id, r.status
  ) AS c
  GROUP BY c.ticket_id
) AS s ON s.ticket_id = t.id;
COMMENT ON VIEW reporting.sales_by_ticket IS 'One row per ticket of an event; counts are of places.';
COMMENT ON COLUMN reporting.sales_by_ticket.ticket_id IS 'The ticket.';
COMMENT ON COLUMN reporting.sales_by_ticket.event_id IS 'Its event.';
COMMENT ON COLUMN reporting.sales_by_ticket.ticket_type IS 'Its name: Regular, VIP, Stalls.';
COMMENT ON COLUMN reporting.sales_by_ticket.unit_minor IS 'What a place costs now; sold ones kept the price of their hold.';
COMMENT ON COLUMN reporting.sales_by_ticket.reserved IS 'Held, paying and paid.';
COMMENT ON COLUMN reporting.sales_by_ticket.held IS 'Held and paying.';
COMMENT ON COLUMN reporting.sales_by_ticket.sold IS 'Paid, and not refunded since.';
COMMENT ON COLUMN reporting.sales_by_ticket.cancelled IS 'Given back by the customer.';
COMMENT ON COLUMN reporting.sales_by_ticket.expired IS 'Given back because nobody paid in time.';
COMMENT ON COLUMN reporting.sales_by_ticket.refunded IS 'Paid once; the money went or goes back.';
COMMENT ON COLUMN reporting.sales_by_ticket.revenue_minor IS 'Price of what is sold.';
COMMENT ON COLUMN reporting.sales_by_ticket.reservations_paid IS 'Paid reservations with this ticket in them.';
COMMENT ON COLUMN reporting.sales_by_ticket.reservations_ended IS 'Reservations with this ticket that are not open any more.';

CREATE VIEW reporting.sales_by_ticket_type AS
SELECT
  ticket_type,
  sum(reserved)::bigint AS reserved,
  sum(held)::bigint AS held,
  sum(sold)::bigint AS sold,
  sum(cancelled)::bigint AS cancelled,
  sum(expired)::bigint AS expired,
  sum(refunded)::bigint AS refunded,
  sum(revenue_minor)::bigint AS revenue_minor,
  (sum(reservations_paid) / nullif(sum(reservations_ended), 0))::float8 AS conversion
FROM reporting.sales_by_ticket
GROUP BY ticket_type;
COMMENT ON VIEW reporting.sales_by_ticket_type IS 'One row per name of a ticket, over all events; counts are of places.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.ticket_type IS 'The name: Regular, VIP, Stalls.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.reserved IS 'Held, paying and paid.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.held IS 'Held and paying.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.sold IS 'Paid, and not refunded since.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.cancelled IS 'Given back by the customer.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.expired IS 'Given back because nobody paid in time.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.refunded IS 'Paid once; the money went or goes back.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.revenue_minor IS 'Price of what is sold.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.conversion IS
  'Paid reservations / all that ended, each counted for every ticket in it; null while none has ended.';

CREATE VIEW reporting.sales_by_hour AS
SELECT
  event_id,
  date_trunc('hour', paid_at, 'UTC') AS hour,
  count(*) AS reservations,
  sum(places)::bigint AS places,
  sum(total_minor)::bigint AS revenue_minor,
  coalesce(sum(total_minor) FILTER (WHERE status <> 'paid'), 0)::bigint AS refunded_minor
FROM reservations
WHERE paid_at IS NOT NULL
GROUP BY event_id, date_trunc('hour', paid_at, 'UTC');
COMMENT ON VIEW reporting.sales_by_hour IS 'One row per event and hour in which something was paid.';
COMMENT ON COLUMN reporting.sales_by_hour.event_id IS 'The event.';
COMMENT ON COLUMN reporting.sales_by_hour.hour IS 'Its beginning, in whole hours of UTC.';
COMMENT ON COLUMN reporting.sales_by_hour.reservations IS 'Reservations that were paid in it.';
COMMENT ON COLUMN reporting.sales_by_hour.places IS 'Places in them.';
COMMENT ON COLUMN reporting.sales_by_hour.revenue_minor IS 'What was paid in it, refunded later or not.';
COMMENT ON COLUMN reporting.sales_by_hour.refunded_minor IS 'How much of that was refunded later, or is about to be.';

CREATE VIEW reporting.sales_by_customer AS
SELECT
  event_id,
  customer_id,
  count(*) AS reservations,
  count(*) FILTER (WHERE status = 'paid') AS reservations_paid,
  coalesce(sum(places) FILTER (WHERE status = 'paid'), 0)::bigint AS places,
  minor_sum(total_minor) FILTER (WHERE status = 'paid') AS revenue_minor
FROM reservations
GROUP BY event_id, customer_id;
COMMENT ON VIEW reporting.sales_by_customer IS 'One row per customer of an event.';
COMMENT ON COLUMN reporting.sales_by_customer.event_id IS 'The event.';
COMMENT ON COLUMN reporting.sales_by_customer.customer_id IS 'Who reserved: the id that the shop gave.';
COMMENT ON COLUMN reporting.sales_by_customer.reservations IS 'All of them, however they ended.';
COMMENT ON COLUMN reporting.sales_by_customer.reservations_paid IS 'Those that are paid.';
COMMENT ON COLUMN reporting.sales_by_customer.places IS 'Places in those.';
COMMENT ON COLUMN reporting.sales_by_customer.revenue_minor IS 'Price of those.';

CREATE VIEW reporting.revenue AS
SELECT
  date_trunc('day', paid_at, 'UTC')::date AS day,
  count(*) AS reservations,
  sum(total_minor)::bigint AS gross_minor,
  coalesce(sum(total_minor) FILTER (WHERE status IN ('refund_due', 'refunded')), 0)::bigint AS refunded_minor,
  coalesce(sum(total_minor) FILTER (WHERE status = 'paid'), 0)::bigint AS net_minor
FROM reservations
WHERE paid_at IS NOT NULL
GROUP BY date_trunc('day', paid_at, 'UTC');
COMMENT ON VIEW reporting.revenue IS 'One row per day of UTC on which something was paid.';
COMMENT ON COLUMN reporting.revenue.day IS 'The day.';
COMMENT ON COLUMN reporting.revenue.reservations IS 'Reservations that were paid on it.';
COMMENT ON COLUMN reporting.revenue.gross_minor IS 'What was paid, refunded later or not.';
COMMENT ON COLUMN reporting.revenue.refunded_minor IS 'How much of that was refunded later, or is about to be.';
COMMENT ON COLUMN reporting.revenue.net_minor IS 'The rest.';

CREATE VIEW reporting.hold_conversion AS
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
    / nullif(sum(t.reservations) FILTER (WHERE t.status = 'paid'), 0))::float8 AS mean_seconds_to_pay
FROM events AS e
JOIN event_status_totals AS t ON t.event_id = e.id
GROUP BY e.id;
COMMENT ON VIEW reporting.hold_conversion IS 'What became of the holds of each event that had any; counts are of reservations.';
COMMENT ON COLUMN reporting.hold_conversion.event_id IS 'The event.';
COMMENT ON COLUMN reporting.hold_conversion.name IS 'Its name as it is now.';
COMMENT ON COLUMN reporting.hold_conversion.holds IS 'All reservations: each began as a hold.';
COMMENT ON COLUMN reporting.hold_conversion.open IS 'Held or paying now.';
COMMENT ON COLUMN reporting.hold_conversion.paid IS 'Paid, and not refunded since.';
COMMENT ON COLUMN reporting.hold_conversion.cancelled IS 'Given back by the customer.';
COMMENT ON COLUMN reporting.hold_conversion.expired IS 'Ran out.';
COMMENT ON COLUMN reporting.hold_conversion.refunded IS 'Paid once; the money went or goes back.';
COMMENT ON COLUMN reporting.hold_conversion.conversion IS 'paid / all that are not open; null while all are open.';
COMMENT ON COLUMN reporting.hold_conversion.mean_seconds_to_pay IS 'From the hold to the payment, of those that are paid.';

CREATE VIEW reporting.time_to_sell_out AS
SELECT
  s.event_id,
  s.name,
  s.capacity,
  s.sold,
  coalesce(e.sale_opens_at, h.first_hold_at) AS sale_began_at,
  s.first_sale_at,
  s.sold_out_at,
  extract(epoch FROM s.sold_out_at - coalesce(e.sale_opens_at, h.first_hold_at))::float8 AS seconds_to_sell_out
FROM reporting.sales_by_event AS s
JOIN events AS e ON e.id = s.event_id
LEFT JOIN (
  SELECT event_id, min(first_hold_at) AS first_hold_at FROM event_status_totals GROUP BY event_id
) AS h ON h.event_id = s.event_id;
COMMENT ON VIEW reporting.time_to_sell_out IS 'One row per event.';
COMMENT ON COLUMN reporting.time_to_sell_out.event_id IS 'The event.';
COMMENT ON COLUMN reporting.time_to_sell_out.name IS 'Its name as it is now.';
COMMENT ON COLUMN reporting.time_to_sell_out.capacity IS 'Places for sale, taken or not.';
COMMENT ON COLUMN reporting.time_to_sell_out.sold IS 'Places that are paid.';
COMMENT ON COLUMN reporting.time_to_sell_out.sale_began_at IS 'The opening of its sales window, else its first hold.';
COMMENT ON COLUMN reporting.time_to_sell_out.first_sale_at IS 'When a place was first paid.';
COMMENT ON COLUMN reporting.time_to_sell_out.sold_out_at IS 'When the last place was paid; null unless all are sold.';
COMMENT ON COLUMN reporting.time_to_sell_out.seconds_to_sell_out IS 'Between sale_began_at and sold_out_at.';

CREATE VIEW reporting.expiry_and_refund AS
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
  coalesce(sum(t.total_minor) FILTER (WHERE t.status = 'refund_due'), 0)::bigint AS refund_due_minor
FROM events AS e
JOIN event_status_totals AS t ON t.event_id = e.id
GROUP BY e.id;
COMMENT ON VIEW reporting.expiry_and_refund IS 'What came back, of each event that had reservations.';
COMMENT ON COLUMN reporting.expiry_and_refund.event_id IS 'The event.';
COMMENT ON COLUMN reporting.expiry_and_refund.name IS 'Its name as it is now.';
COMMENT ON COLUMN reporting.expiry_and_refund.expired_reservations IS 'Ran out unpaid.';
COMMENT ON COLUMN reporting.expiry_and_refund.expired_places IS 'Places in them.';
COMMENT ON COLUMN reporting.expiry_and_refund.cancelled_reservations IS 'Given back by the customer.';
COMMENT ON COLUMN reporting.expiry_and_refund.cancelled_places IS 'Places in them.';
COMMENT ON COLUMN reporting.expiry_and_refund.refunded_reservations IS 'Paid, and paid back.';
COMMENT ON COLUMN reporting.expiry_and_refund.refunded_minor IS 'Price of those.';
COMMENT ON COLUMN reporting.expiry_and_refund.refund_due_reservations IS 'Paid, and not paid back yet.';
COMMENT ON COLUMN reporting.expiry_and_refund.refund_due_minor IS 'Price of those.';

CREATE VIEW reporting.bookings_by_slot AS
SELECT
  b.event_id,
  e.name,
  max(b.starts_at) AS slot_starts_at,
  b.slot AS slot_local_time,
  s.capacity,
  count(*) AS bookings,
  count(*) FILTER (WHERE b.expires_at <= now()) AS expired
FROM bookings AS b
JOIN events AS e ON e.id = b.event_id
JOIN schedules AS s ON s.event_id = b.event_id
GROUP BY b.event_id, e.name, b.slot, s.capacity;
COMMENT ON VIEW reporting.bookings_by_slot IS
  'One row per slot that has free bookings. Paid places of slots are in sales_by_ticket.';
COMMENT ON COLUMN reporting.bookings_by_slot.event_id IS 'The timed event.';
COMMENT ON COLUMN reporting.bookings_by_slot.name IS 'Its name as it is now.';
COMMENT ON COLUMN reporting.bookings_by_slot.slot_starts_at IS
  'When the slot begins, by the rules of time zones of the day on which it was booked last.';
COMMENT ON COLUMN reporting.bookings_by_slot.slot_local_time IS 'The same on the clocks of the event''s time zone.';
COMMENT ON COLUMN reporting.bookings_by_slot.capacity IS 'Places of each slot, as the event has it now.';
COMMENT ON COLUMN reporting.bookings_by_slot.bookings IS 'Bookings that are there; deleted ones are not.';
COMMENT ON COLUMN reporting.bookings_by_slot.expired IS 'How many of them are over.';
