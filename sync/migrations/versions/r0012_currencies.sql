-- Each event has one currency, which is that of its tickets and of all money of its reservations.

ALTER TABLE events
  ADD COLUMN currency text NOT NULL DEFAULT 'EUR' CHECK (currency ~ '^[A-Z]{3}$'),
  ADD UNIQUE (id, currency);
COMMENT ON COLUMN events.currency IS 'Of its prices, by ISO 4217. It stays once anything of the event was taken.';

ALTER TABLE tickets
  DROP CONSTRAINT tickets_currency_check,
  ADD FOREIGN KEY (event_id, currency) REFERENCES events (id, currency) ON UPDATE CASCADE ON DELETE CASCADE;
COMMENT ON COLUMN tickets.currency IS 'Of the price: that of the event.';

ALTER TABLE reservations
  DROP CONSTRAINT reservations_currency_check,
  ADD CHECK (currency ~ '^[A-Z]{3}$');
COMMENT ON COLUMN reservations.currency IS 'Of all its money.';

ALTER TABLE payments
  DROP CONSTRAINT payments_currency_check,
  ADD CHECK (currency ~ '^[A-Z]{3}$');
COMMENT ON COLUMN payments.currency IS 'Of what is owed.';

CREATE OR REPLACE VIEW reservation_records AS
SELECT
  r.id,
  r.created_at,
  json_build_array(
    r.status, r.event_id, r.customer_id, r.details::text, milliseconds(r.created_at), milliseconds(r.expires_at),
    coalesce(milliseconds(r.ended_at), 0), r.digest,
    (
      SELECT coalesce(json_agg(
        json_build_array(i.ticket_id, i.pool, i.quantity, i.unit_minor, i.seats) ORDER BY i.position
      ), '[]')
      FROM reservation_items AS i
      WHERE i.reservation_id = r.id
    ),
    (
      SELECT coalesce(json_agg(json_build_array(
        p.id, p.status, p.amount_minor, milliseconds(p.started_at), coalesce(milliseconds(p.settled_at), 0), p.reason,
        p.digest,
        (
          SELECT coalesce(json_agg(json_build_array(
            f.id, f.amount_minor, milliseconds(f.created_at), coalesce(milliseconds(f.settled_at), 0)
          ) ORDER BY f.place), '[]')
          FROM refunds AS f
          WHERE f.reservation_id = p.reservation_id AND f.payment_id = p.id
        ),
        CASE
          WHEN p.received_minor IS NULL THEN '[]'::json
          ELSE json_build_array(json_build_array(p.received_minor, p.received_currency, p.note))
        END
      ) ORDER BY p.number), '[]')
      FROM (SELECT * FROM payments WHERE reservation_id = r.id ORDER BY number DESC LIMIT 8) AS p
    ),
    (
      SELECT coalesce(json_agg(
        json_build_array(k.ticket_id, k.pool, k.quantity, k.unit_minor, k.seats) ORDER BY k.position
      ), '[]')
      FROM kept_items AS k
      WHERE k.reservation_id = r.id
    ),
    r.currency
  ) AS record
FROM reservations AS r;

-- Redis gets the terms of every event anew, with their currency: the sync worker publishes what has another version.
UPDATE events SET version = nextval('event_versions');

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
  e.currency
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
COMMENT ON COLUMN reporting.sales_by_event.currency IS 'Of revenue_minor.';

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
  e.currency
FROM events AS e
JOIN event_status_totals AS t ON t.event_id = e.id
GROUP BY e.id;
COMMENT ON COLUMN reporting.expiry_and_refund.currency IS 'Of the money.';
