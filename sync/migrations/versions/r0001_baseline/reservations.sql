-- Reservations and payments are written by the sync worker alone, from the outboxes, in the order of what happened. No
-- foreign key joins them with the catalogue. An outcome is stored also when its event is not known here, because it
-- happened. And a batch of outcomes must not wait for a manager who holds the lock of an event's row.

CREATE TABLE reservations (
  id text PRIMARY KEY,
  event_id integer NOT NULL,
  customer_id text NOT NULL,
  status text NOT NULL
    CHECK (status IN ('held', 'paying', 'paid', 'cancelled', 'expired', 'refund_due', 'refunded')),
  details json NOT NULL,
  digest text NOT NULL,
  places integer NOT NULL CHECK (places >= 0),
  total_minor bigint NOT NULL CHECK (total_minor >= 0),
  currency text NOT NULL DEFAULT 'EUR' CHECK (currency = 'EUR'),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  paid_at timestamptz
);
COMMENT ON TABLE reservations IS 'The whole life of each taking, from hold to paid, cancelled, expired or refunded.';
COMMENT ON COLUMN reservations.id IS 'Names the event: "<event_id>-<16 characters>".';
COMMENT ON COLUMN reservations.customer_id IS 'Who reserves.';
COMMENT ON COLUMN reservations.status IS 'Where it stands in its life, as Redis last told.';
COMMENT ON COLUMN reservations.details IS
  'What the API keeps about the customer. json and not jsonb: the text stays as it came, which a record is rebuilt from.';
COMMENT ON COLUMN reservations.digest IS 'Of the request, to tell a repeat from a misuse of its key.';
COMMENT ON COLUMN reservations.places IS
  'Places in all items, so that statistics of an event need no join; 0 of a hold that was emptied.';
COMMENT ON COLUMN reservations.total_minor IS 'Price of all items, in minor units.';
COMMENT ON COLUMN reservations.expires_at IS 'Deadline of the hold.';
COMMENT ON COLUMN reservations.ended_at IS 'When the present status was entered; null while held or paying.';
COMMENT ON COLUMN reservations.paid_at IS 'When it was first paid; stays when it is refunded.';
-- Lists are newest first, by (created_at, id), with any of these filters.
CREATE INDEX reservations_by_age ON reservations (created_at DESC, id DESC);
CREATE INDEX reservations_by_event ON reservations (event_id, created_at DESC, id DESC);
CREATE INDEX reservations_by_customer ON reservations (customer_id, created_at DESC, id DESC);
CREATE INDEX reservations_by_status ON reservations (status, created_at DESC, id DESC);

CREATE TABLE reservation_items (
  reservation_id text NOT NULL REFERENCES reservations ON DELETE CASCADE,
  position smallint NOT NULL,
  ticket_id integer NOT NULL,
  pool text NOT NULL,
  quantity integer NOT NULL CHECK (quantity > 0),
  unit_minor bigint NOT NULL CHECK (unit_minor >= 0),
  created_at timestamptz NOT NULL,
  first_of_ticket boolean NOT NULL,
  seats integer[] NOT NULL DEFAULT '{}' CHECK (cardinality(seats) IN (0, quantity)),
  PRIMARY KEY (reservation_id, position)
);
COMMENT ON TABLE reservation_items IS 'Places of one ticket in a reservation.';
COMMENT ON COLUMN reservation_items.position IS 'Order in the reservation, from 0.';
COMMENT ON COLUMN reservation_items.pool IS 'The pool of Redis that the places are taken from.';
COMMENT ON COLUMN reservation_items.unit_minor IS 'Price of one place at the moment of the hold, in minor units.';
COMMENT ON COLUMN reservation_items.created_at IS 'Of the reservation, so that a ticket''s list needs one index.';
COMMENT ON COLUMN reservation_items.first_of_ticket IS
  'False for a further item of the same ticket in the reservation: lists of a ticket show a reservation once.';
COMMENT ON COLUMN reservation_items.seats IS
  'Assigned seats, by their places in the map of the section that the pool names; reservation_seats tells their ids.';
CREATE INDEX reservation_items_by_ticket
  ON reservation_items (ticket_id, created_at DESC, reservation_id DESC) WHERE first_of_ticket;

CREATE TABLE payments (
  reservation_id text NOT NULL REFERENCES reservations ON DELETE CASCADE,
  id text NOT NULL,
  number bigint GENERATED ALWAYS AS IDENTITY,
  status text NOT NULL CHECK (status IN ('pending', 'completed', 'failed', 'refund_due', 'refunded')),
  amount_minor bigint NOT NULL,
  currency text NOT NULL DEFAULT 'EUR' CHECK (currency = 'EUR'),
  reason text NOT NULL,
  digest text NOT NULL,
  started_at timestamptz NOT NULL,
  settled_at timestamptz,
  completed_at timestamptz,
  PRIMARY KEY (reservation_id, id)
);
COMMENT ON TABLE payments IS
  'Every attempt to pay: the record of transactions. Redis remembers the last eight of a reservation, this table all.';
COMMENT ON COLUMN payments.id IS 'The gateway''s idempotency key.';
COMMENT ON COLUMN payments.number IS 'Order in which attempts of a reservation began; it has gaps.';
COMMENT ON COLUMN payments.reason IS 'Why it failed; else empty.';
COMMENT ON COLUMN payments.settled_at IS 'When the present status was entered; null while pending.';
COMMENT ON COLUMN payments.completed_at IS 'When the money was taken; stays when it goes back.';
CREATE INDEX payments_by_id ON payments (id);

-- The record of Redis, rebuilt: the layout of lua/10_codec.lua as a JSON array.
CREATE VIEW reservation_records AS
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
        p.digest
      ) ORDER BY p.number), '[]')
      FROM (SELECT * FROM payments WHERE reservation_id = r.id ORDER BY number DESC LIMIT 8) AS p
    )
  ) AS record
FROM reservations AS r;
COMMENT ON VIEW reservation_records IS 'Reservations as Redis stores them, for those that it no longer keeps.';

-- A section's map in Redis has a line break between rows, so a row begins one place later for each row before it.
CREATE VIEW row_places AS
SELECT
  section_id,
  first_seat_id,
  name,
  seats,
  sum(seats + 1) OVER (PARTITION BY section_id ORDER BY position) - seats AS first_place
FROM section_rows;
COMMENT ON VIEW row_places IS 'At which place of its section''s map, from 1, each row begins.';

CREATE VIEW reservation_seats AS
SELECT i.reservation_id, i.position, i.ticket_id, r.section_id, r.name AS row, s.id AS seat_id, s.number
FROM reservation_items AS i
CROSS JOIN LATERAL unnest(i.seats) AS place
JOIN row_places AS r
  ON r.section_id = substr(i.pool, 2)::integer AND place >= r.first_place AND place < r.first_place + r.seats
JOIN seats AS s ON s.id = r.first_seat_id + place - r.first_place;
COMMENT ON VIEW reservation_seats IS 'Which seats the items of reservations have, whatever became of those since.';
