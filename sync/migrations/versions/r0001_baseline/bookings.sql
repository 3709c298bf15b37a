-- Written by the sync worker alone, as reservations are, and for the same reasons without a foreign key to events.
CREATE TABLE bookings (
  event_id integer NOT NULL,
  id uuid NOT NULL,
  slot timestamp NOT NULL,
  starts_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('booked', 'expired')),
  details json NOT NULL,
  digest text NOT NULL,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at >= starts_at),
  customer_id text NOT NULL,
  phone text NOT NULL,
  PRIMARY KEY (event_id, id)
);
COMMENT ON TABLE bookings IS
  'Places in slots, taken free of charge. One that is given up is deleted, and expired ones some time later.';
COMMENT ON COLUMN bookings.slot IS
  'Local date and time of its slot, which the slot is known by. Never worked out here: rules of time zones change.';
COMMENT ON COLUMN bookings.starts_at IS 'Start of its slot, by the rules of the day on which it was booked or moved.';
COMMENT ON COLUMN bookings.status IS
  'A mark of the sync worker: expired follows some time after expires_at, which alone decides what lists show.';
COMMENT ON COLUMN bookings.details IS
  'Name and phone number. json and not jsonb: the text stays as it came, which is compared with that of Redis.';
COMMENT ON COLUMN bookings.digest IS 'Of the request, to tell a repeat from a misuse of its key.';
COMMENT ON COLUMN bookings.changed_at IS 'When it was made or changed last.';
COMMENT ON COLUMN bookings.expires_at IS 'Some hours after the start of its slot.';
COMMENT ON COLUMN bookings.customer_id IS 'Customer for whom it counts; empty if none is known.';
COMMENT ON COLUMN bookings.phone IS 'Phone number for which it counts.';
-- Lists are by slot, within an event and mostly within a day.
CREATE INDEX bookings_by_slot ON bookings (event_id, slot, id);
CREATE INDEX bookings_due ON bookings (status, expires_at);

CREATE FUNCTION slot_text(slot timestamp) RETURNS text
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
  RETURN to_char(slot, CASE WHEN extract(second FROM slot) = 0 THEN 'YYYY-MM-DD"T"HH24:MI' ELSE 'YYYY-MM-DD"T"HH24:MI:SS' END);
COMMENT ON FUNCTION slot_text IS 'A slot as Redis and the API name it (engine/slots.py).';

CREATE VIEW booking_records AS
SELECT
  event_id, id, slot, expires_at,
  json_build_array(
    id, event_id, slot_text(slot), milliseconds(starts_at), details::text, digest, milliseconds(created_at),
    milliseconds(changed_at), milliseconds(expires_at), 'booked', customer_id, phone
  ) AS record
FROM bookings;
COMMENT ON VIEW booking_records IS 'Bookings as Redis stores them: the layout of lua/28_bookings.lua as a JSON array.';
