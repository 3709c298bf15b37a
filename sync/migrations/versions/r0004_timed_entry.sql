CREATE TABLE schedules (
  event_id integer PRIMARY KEY REFERENCES events ON DELETE CASCADE,
  capacity integer NOT NULL CHECK (capacity > 0)
);
COMMENT ON TABLE schedules IS
  'Events that sell places in slots: one each day for each of schedule_times. All their tickets are taken from slots.';
COMMENT ON COLUMN schedules.capacity IS 'Places of each slot, taken or not.';

CREATE TABLE schedule_times (
  event_id integer NOT NULL REFERENCES schedules ON DELETE CASCADE,
  local_time time NOT NULL CHECK (local_time < '24:00' AND local_time = date_trunc('second', local_time::interval)),
  PRIMARY KEY (event_id, local_time)
);
COMMENT ON COLUMN schedule_times.local_time IS 'When a slot begins, in the time zone of the event.';

-- Written by the sync worker alone, as reservations are, and for the same reasons without a foreign key to events.
CREATE TABLE bookings (
  event_id integer NOT NULL,
  id uuid NOT NULL,
  starts_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('booked', 'expired')),
  details json NOT NULL,
  digest text NOT NULL,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at >= starts_at),
  PRIMARY KEY (event_id, id)
);
COMMENT ON TABLE bookings IS
  'Places in slots, taken free of charge. One that is given up is deleted, and expired ones some time later.';
COMMENT ON COLUMN bookings.starts_at IS 'Start of its slot.';
COMMENT ON COLUMN bookings.status IS
  'A mark of the sync worker: expired follows some time after expires_at, which alone decides what lists show.';
COMMENT ON COLUMN bookings.details IS
  'Name and phone number. json and not jsonb: the text stays as it came, which is compared with that of Redis.';
COMMENT ON COLUMN bookings.digest IS 'Of the request, to tell a repeat from a misuse of its key.';
COMMENT ON COLUMN bookings.changed_at IS 'When it was made or changed last.';
COMMENT ON COLUMN bookings.expires_at IS 'Some hours after the start of its slot.';
-- Lists are by slot, within an event and mostly within a day.
CREATE INDEX bookings_by_slot ON bookings (event_id, starts_at, id);
CREATE INDEX bookings_due ON bookings (status, expires_at);

CREATE VIEW booking_records AS
SELECT
  event_id, id, starts_at, expires_at,
  json_build_array(
    id, event_id, milliseconds(starts_at), details::text, digest, milliseconds(created_at), milliseconds(changed_at),
    milliseconds(expires_at), 'booked'
  ) AS record
FROM bookings;
COMMENT ON VIEW booking_records IS 'Bookings as Redis stores them: the layout of lua/10_codec.lua as a JSON array.';
