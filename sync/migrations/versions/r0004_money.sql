ALTER TABLE events
  DROP CONSTRAINT events_status_check,
  ADD CONSTRAINT events_status_check CHECK (status IN ('draft', 'on_sale', 'paused', 'closed', 'cancelled'));
COMMENT ON COLUMN events.status IS 'Only on_sale sells, within the sales window. Nothing follows cancelled.';

CREATE TABLE event_cancellations (
  event_id integer PRIMARY KEY REFERENCES events ON DELETE CASCADE,
  cancelled_at timestamptz NOT NULL DEFAULT now(),
  holds_ended_at timestamptz,
  refund_requested_at timestamptz,
  refunds_begun_at timestamptz
);
COMMENT ON TABLE event_cancellations IS 'What is still to be done about events that were cancelled. The sync worker does it.';
COMMENT ON COLUMN event_cancellations.holds_ended_at IS 'When every hold of it had been given back; null: some may live.';
COMMENT ON COLUMN event_cancellations.refund_requested_at IS
  'When a manager asked for the refund of everybody; null: nobody has.';
COMMENT ON COLUMN event_cancellations.refunds_begun_at IS 'When a refund was due, or made, of every paid reservation of it.';

ALTER TABLE payments
  ADD COLUMN received_minor bigint,
  ADD COLUMN received_currency text,
  ADD COLUMN note text;
COMMENT ON COLUMN payments.received_minor IS
  'What the gateway has, where that is not what is owed; of a refund that it refuses, what is left to go back. Else null.';
COMMENT ON COLUMN payments.received_currency IS 'The currency of received_minor.';
COMMENT ON COLUMN payments.note IS 'What a manager decided about it; empty: nobody has yet.';

CREATE TABLE refunds (
  reservation_id text NOT NULL REFERENCES reservations ON DELETE CASCADE,
  payment_id text NOT NULL,
  id text NOT NULL,
  place smallint NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
  created_at timestamptz NOT NULL,
  settled_at timestamptz,
  PRIMARY KEY (reservation_id, payment_id, id)
);
COMMENT ON TABLE refunds IS 'Money of payments that went back, or is to go back.';
COMMENT ON COLUMN refunds.id IS 'The gateway''s idempotency key.';
COMMENT ON COLUMN refunds.place IS 'Order in the payment, from 0.';
COMMENT ON COLUMN refunds.settled_at IS 'When the gateway had given it back; null: it is due.';

CREATE TABLE kept_items (
  reservation_id text NOT NULL REFERENCES reservations ON DELETE CASCADE,
  position smallint NOT NULL,
  event_id integer NOT NULL,
  ticket_id integer NOT NULL,
  pool text NOT NULL,
  quantity integer NOT NULL CHECK (quantity > 0),
  unit_minor bigint NOT NULL,
  seats integer[] NOT NULL,
  PRIMARY KEY (reservation_id, position)
);
COMMENT ON TABLE kept_items IS 'Places that were refunded and not put on sale again; each as in reservation_items.';
CREATE INDEX kept_items_by_event ON kept_items (event_id);
CREATE INDEX kept_items_by_ticket ON kept_items (ticket_id);

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
    )
  ) AS record
FROM reservations AS r;
