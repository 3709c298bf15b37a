-- Rows for analysts who load them elsewhere: each has updated_at, and reporting.watermark tells up to when none is missing.

ALTER TABLE outbox_offsets ADD COLUMN complete_to timestamptz;
COMMENT ON COLUMN outbox_offsets.complete_to IS
  'Everything that Redis changed before it is in the tables: by the clock of Redis. Null: not known yet.';

CREATE VIEW reporting.watermark AS
SELECT CASE WHEN count(*) = count(complete_to) THEN min(complete_to) END AS complete_to FROM outbox_offsets;
COMMENT ON VIEW reporting.watermark IS
  'One row. Load rows with updated_at before complete_to: what Redis changes later has a later updated_at.';
COMMENT ON COLUMN reporting.watermark.complete_to IS
  'No change before it is missing in the views. Null: not known yet, because the sync worker has never run.';

CREATE VIEW reporting.reservations AS
SELECT
  id AS reservation_id,
  event_id,
  customer_id,
  status,
  places,
  total_minor,
  currency,
  code,
  code_kind,
  created_at,
  expires_at,
  paid_at,
  ended_at,
  updated_at
FROM reservations;
COMMENT ON VIEW reporting.reservations IS 'One row per reservation, as it is now. It has no names.';
COMMENT ON COLUMN reporting.reservations.reservation_id IS 'Its id.';
COMMENT ON COLUMN reporting.reservations.event_id IS 'The event.';
COMMENT ON COLUMN reporting.reservations.customer_id IS 'Who reserves.';
COMMENT ON COLUMN reporting.reservations.status IS 'held, paying, paid, cancelled, expired, refund_due or refunded.';
COMMENT ON COLUMN reporting.reservations.places IS 'Places in it.';
COMMENT ON COLUMN reporting.reservations.total_minor IS 'Their price.';
COMMENT ON COLUMN reporting.reservations.currency IS 'Of total_minor.';
COMMENT ON COLUMN reporting.reservations.code IS 'The code that it names; null: none.';
COMMENT ON COLUMN reporting.reservations.code_kind IS 'The kind of that code: access, discount or allocation.';
COMMENT ON COLUMN reporting.reservations.created_at IS 'When the places were held.';
COMMENT ON COLUMN reporting.reservations.expires_at IS 'The deadline of the hold.';
COMMENT ON COLUMN reporting.reservations.paid_at IS 'When it was first paid; it stays when the money goes back. Null: never.';
COMMENT ON COLUMN reporting.reservations.ended_at IS 'When it left held and paying. Null: it has not.';
COMMENT ON COLUMN reporting.reservations.updated_at IS 'When Redis last changed it.';

CREATE VIEW reporting.items AS
SELECT
  i.reservation_id,
  i.position,
  r.event_id,
  i.ticket_id,
  CASE WHEN i.pool ~ '^s\d+$' THEN substr(i.pool, 2)::integer END AS section_id,
  i.quantity,
  i.unit_minor,
  r.currency,
  r.status,
  r.updated_at
FROM reservation_items AS i
JOIN reservations AS r ON r.id = i.reservation_id;
COMMENT ON VIEW reporting.items IS
  'One row per item of a reservation. A change replaces them: of a reservation, those with the latest updated_at are valid.';
COMMENT ON COLUMN reporting.items.reservation_id IS 'The reservation.';
COMMENT ON COLUMN reporting.items.position IS 'Order in the reservation, from 0.';
COMMENT ON COLUMN reporting.items.event_id IS 'The event.';
COMMENT ON COLUMN reporting.items.ticket_id IS 'The ticket.';
COMMENT ON COLUMN reporting.items.section_id IS 'The section of the venue; null: the ticket has none.';
COMMENT ON COLUMN reporting.items.quantity IS 'Places.';
COMMENT ON COLUMN reporting.items.unit_minor IS 'Price of one place at the moment of the hold.';
COMMENT ON COLUMN reporting.items.currency IS 'Of unit_minor.';
COMMENT ON COLUMN reporting.items.status IS 'Status of the reservation.';
COMMENT ON COLUMN reporting.items.updated_at IS 'When Redis last changed the reservation.';

CREATE VIEW reporting.payments AS
SELECT
  p.reservation_id,
  p.id AS payment_id,
  r.event_id,
  p.status,
  p.amount_minor,
  p.currency,
  p.reason,
  p.exchange IS NOT NULL AS is_exchange,
  p.started_at,
  p.settled_at,
  p.completed_at,
  r.updated_at
FROM payments AS p
JOIN reservations AS r ON r.id = p.reservation_id;
COMMENT ON VIEW reporting.payments IS 'One row per attempt to pay for a reservation. That of a cart has a row for each of its reservations.';
COMMENT ON COLUMN reporting.payments.reservation_id IS 'The reservation.';
COMMENT ON COLUMN reporting.payments.payment_id IS 'The attempt: the gateway''s idempotency key.';
COMMENT ON COLUMN reporting.payments.event_id IS 'The event.';
COMMENT ON COLUMN reporting.payments.status IS 'pending, completed, failed, refund_due or refunded.';
COMMENT ON COLUMN reporting.payments.amount_minor IS 'What was to be paid.';
COMMENT ON COLUMN reporting.payments.currency IS 'Of amount_minor.';
COMMENT ON COLUMN reporting.payments.reason IS 'Why it failed; else empty.';
COMMENT ON COLUMN reporting.payments.is_exchange IS 'It is the difference that an exchange cost.';
COMMENT ON COLUMN reporting.payments.started_at IS 'When the gateway was asked.';
COMMENT ON COLUMN reporting.payments.settled_at IS 'When its outcome was known; null while pending.';
COMMENT ON COLUMN reporting.payments.completed_at IS 'When the money was taken; it stays when the money goes back.';
COMMENT ON COLUMN reporting.payments.updated_at IS 'When Redis last changed the reservation.';

CREATE VIEW reporting.revenue_by_section AS
SELECT
  r.event_id,
  s.id AS section_id,
  s.name AS section,
  i.ticket_id,
  r.currency,
  sum(i.quantity)::bigint AS places,
  minor_sum(i.quantity * i.unit_minor) AS revenue_minor,
  max(r.updated_at) AS updated_at
FROM reservation_items AS i
JOIN counted_reservations AS r ON r.id = i.reservation_id
LEFT JOIN sections AS s ON i.pool ~ '^s\d+$' AND s.id = substr(i.pool, 2)::integer
WHERE r.status = 'paid'
GROUP BY r.event_id, s.id, s.name, i.ticket_id, r.currency;
COMMENT ON VIEW reporting.revenue_by_section IS 'One row per event, section and ticket of which anything is sold.';
COMMENT ON COLUMN reporting.revenue_by_section.event_id IS 'The event.';
COMMENT ON COLUMN reporting.revenue_by_section.section_id IS 'The section of its venue; null: the ticket has none.';
COMMENT ON COLUMN reporting.revenue_by_section.section IS 'Its name.';
COMMENT ON COLUMN reporting.revenue_by_section.ticket_id IS 'The ticket: its price in the section.';
COMMENT ON COLUMN reporting.revenue_by_section.currency IS 'Of revenue_minor.';
COMMENT ON COLUMN reporting.revenue_by_section.places IS 'Paid, and not refunded since.';
COMMENT ON COLUMN reporting.revenue_by_section.revenue_minor IS 'Price of those places.';
COMMENT ON COLUMN reporting.revenue_by_section.updated_at IS 'When one of their reservations changed last.';

CREATE VIEW reporting.funnel AS
SELECT
  e.id AS event_id,
  e.name,
  count(*) AS held,
  count(*) FILTER (WHERE r.tried) AS tried_to_pay,
  count(*) FILTER (WHERE r.paid_at IS NOT NULL) AS paid,
  count(*) FILTER (WHERE r.status IN ('held', 'paying')) AS open,
  count(*) FILTER (WHERE r.status = 'expired') AS expired,
  count(*) FILTER (WHERE r.status = 'expired' AND r.tried) AS expired_after_trying,
  count(*) FILTER (WHERE r.status = 'cancelled') AS cancelled,
  count(*) FILTER (WHERE r.status IN ('refund_due', 'refunded')) AS refunded,
  count(DISTINCT r.customer_id) AS customers,
  count(DISTINCT r.customer_id) FILTER (WHERE r.paid_at IS NOT NULL) AS customers_paid,
  max(r.updated_at) AS updated_at
FROM events AS e
JOIN (
  SELECT c.*, c.paid_at IS NOT NULL OR EXISTS (SELECT FROM payments AS p WHERE p.reservation_id = c.id) AS tried
  FROM counted_reservations AS c
) AS r ON r.event_id = e.id
GROUP BY e.id;
COMMENT ON VIEW reporting.funnel IS 'One row per event of which anything was held: how many reservations came how far.';
COMMENT ON COLUMN reporting.funnel.event_id IS 'The event.';
COMMENT ON COLUMN reporting.funnel.name IS 'Its name as it is now.';
COMMENT ON COLUMN reporting.funnel.held IS 'Reservations that were held: all.';
COMMENT ON COLUMN reporting.funnel.tried_to_pay IS 'Of those: with an attempt to pay, or paid because they are free.';
COMMENT ON COLUMN reporting.funnel.paid IS 'Of those: paid, refunded later or not.';
COMMENT ON COLUMN reporting.funnel.open IS 'Held and paying now.';
COMMENT ON COLUMN reporting.funnel.expired IS 'Expired.';
COMMENT ON COLUMN reporting.funnel.expired_after_trying IS 'Of those: after an attempt to pay.';
COMMENT ON COLUMN reporting.funnel.cancelled IS 'Cancelled before they were paid.';
COMMENT ON COLUMN reporting.funnel.refunded IS 'The money went or goes back.';
COMMENT ON COLUMN reporting.funnel.customers IS 'Different customers who held.';
COMMENT ON COLUMN reporting.funnel.customers_paid IS 'Different customers who paid.';
COMMENT ON COLUMN reporting.funnel.updated_at IS 'When one of the reservations changed last.';
