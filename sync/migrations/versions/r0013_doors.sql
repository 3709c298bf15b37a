ALTER TABLE events
  ADD COLUMN doors_open_at timestamptz,
  ADD COLUMN eticket_keys smallint NOT NULL DEFAULT 1 CHECK (eticket_keys > 0);
COMMENT ON COLUMN events.doors_open_at IS 'Nobody is admitted before it; null: at any time.';
COMMENT ON COLUMN events.eticket_keys IS 'How many keys have signed its e-tickets; the last one signs.';

CREATE TABLE etickets (
  event_id integer NOT NULL,
  number integer NOT NULL CHECK (number >= 0),
  reservation_id text NOT NULL,
  ticket_id integer NOT NULL,
  pool text NOT NULL,
  seat integer NOT NULL,
  issue integer NOT NULL,
  status text NOT NULL CHECK (status IN ('valid', 'in', 'out', 'void')),
  holder json NOT NULL,
  transfer_id text NOT NULL,
  first_in_at timestamptz,
  changed_at timestamptz NOT NULL,
  PRIMARY KEY (event_id, number)
);
COMMENT ON TABLE etickets IS 'The e-ticket of each place that was paid for.';
COMMENT ON COLUMN etickets.number IS 'Of the event, from 0; the serial is event_id * 2^22 + number.';
COMMENT ON COLUMN etickets.seat IS 'The place in the map of the section that the pool names; 0: no assigned seat.';
COMMENT ON COLUMN etickets.issue IS 'How often it was transferred; codes of earlier issues are void.';
COMMENT ON COLUMN etickets.holder IS 'Names of its holder, as text that stays as it came.';
COMMENT ON COLUMN etickets.transfer_id IS 'Of the request that transferred it last; else empty.';
COMMENT ON COLUMN etickets.first_in_at IS 'When somebody came in with it for the first time; null: nobody has.';
CREATE INDEX etickets_of_reservation ON etickets (reservation_id);

CREATE TABLE check_ins (
  event_id integer NOT NULL,
  gate text NOT NULL,
  nonce text NOT NULL,
  number integer,
  issue integer NOT NULL,
  direction text NOT NULL CHECK (direction IN ('in', 'out')),
  result text NOT NULL
    CHECK (result IN ('admitted', 'already_in', 'void', 'other_event', 'unknown', 'not_yet')),
  offline boolean NOT NULL,
  scanned_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  other_gate text,
  other_at timestamptz,
  place bigint GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (event_id, gate, nonce)
);
COMMENT ON TABLE check_ins IS 'Each code that a gate scanned, and what it was answered.';
COMMENT ON COLUMN check_ins.nonce IS 'Of the gate: the same one is the same scan.';
COMMENT ON COLUMN check_ins.number IS 'Of the e-ticket; null: the code is of none of the event.';
COMMENT ON COLUMN check_ins.scanned_at IS 'By the clock of the gate where it was offline.';
COMMENT ON COLUMN check_ins.other_gate IS 'The gate that let somebody in with the same e-ticket, where nobody went out between.';
COMMENT ON COLUMN check_ins.other_at IS 'When it did.';
CREATE INDEX check_ins_newest ON check_ins (event_id, place DESC);
CREATE INDEX check_ins_of_eticket ON check_ins (event_id, number);

CREATE VIEW reporting.check_ins AS
SELECT
  c.event_id, e.name AS event_name, c.number, t.ticket_id, k.ticket_type, c.gate, c.direction, c.result, c.offline,
  c.scanned_at, c.recorded_at
FROM check_ins AS c
LEFT JOIN events AS e ON e.id = c.event_id
LEFT JOIN etickets AS t ON t.event_id = c.event_id AND t.number = c.number
LEFT JOIN tickets AS k ON k.id = t.ticket_id;
COMMENT ON VIEW reporting.check_ins IS 'Each code that a gate scanned, and what it was answered.';
COMMENT ON COLUMN reporting.check_ins.event_id IS 'The event whose gate it was.';
COMMENT ON COLUMN reporting.check_ins.event_name IS 'Its name.';
COMMENT ON COLUMN reporting.check_ins.number IS 'The e-ticket''s number within the event; null: the code is of none.';
COMMENT ON COLUMN reporting.check_ins.ticket_id IS 'Its ticket.';
COMMENT ON COLUMN reporting.check_ins.ticket_type IS 'The name of its ticket.';
COMMENT ON COLUMN reporting.check_ins.gate IS 'The gate.';
COMMENT ON COLUMN reporting.check_ins.direction IS 'in or out.';
COMMENT ON COLUMN reporting.check_ins.result IS 'What the gate was answered.';
COMMENT ON COLUMN reporting.check_ins.offline IS 'True if the gate had no network then.';
COMMENT ON COLUMN reporting.check_ins.scanned_at IS 'When it was scanned; by the gate''s clock where it was offline.';
COMMENT ON COLUMN reporting.check_ins.recorded_at IS 'When it was recorded.';

CREATE VIEW reporting.no_shows AS
SELECT
  t.event_id, e.name AS event_name, e.starts_at, t.ticket_id, k.ticket_type,
  count(*) AS expected,
  count(*) FILTER (WHERE t.first_in_at IS NOT NULL) AS came,
  count(*) FILTER (WHERE t.first_in_at IS NULL) AS no_shows
FROM etickets AS t
JOIN events AS e ON e.id = t.event_id
LEFT JOIN tickets AS k ON k.id = t.ticket_id
WHERE t.status <> 'void'
GROUP BY t.event_id, e.name, e.starts_at, t.ticket_id, k.ticket_type;
COMMENT ON VIEW reporting.no_shows IS 'How many of the people who have e-tickets came, by ticket.';
COMMENT ON COLUMN reporting.no_shows.event_id IS 'The event.';
COMMENT ON COLUMN reporting.no_shows.event_name IS 'Its name.';
COMMENT ON COLUMN reporting.no_shows.starts_at IS 'When it starts.';
COMMENT ON COLUMN reporting.no_shows.ticket_id IS 'The ticket.';
COMMENT ON COLUMN reporting.no_shows.ticket_type IS 'Its name.';
COMMENT ON COLUMN reporting.no_shows.expected IS 'E-tickets that are not void.';
COMMENT ON COLUMN reporting.no_shows.came IS 'Those with which somebody came in.';
COMMENT ON COLUMN reporting.no_shows.no_shows IS 'Those with which nobody has.';

CREATE VIEW reporting.check_in_conflicts AS
SELECT
  c.event_id, e.name AS event_name, c.number, t.reservation_id,
  CASE WHEN c.other_gate IS NULL THEN 'void' ELSE 'double_entry' END AS kind,
  c.gate, c.scanned_at, c.other_gate, c.other_at, c.recorded_at
FROM check_ins AS c
LEFT JOIN events AS e ON e.id = c.event_id
LEFT JOIN etickets AS t ON t.event_id = c.event_id AND t.number = c.number
WHERE c.other_gate IS NOT NULL OR (c.offline AND c.direction = 'in' AND c.result = 'void');
COMMENT ON VIEW reporting.check_in_conflicts IS 'Entries at gates without network that would have been refused with it.';
COMMENT ON COLUMN reporting.check_in_conflicts.event_id IS 'The event.';
COMMENT ON COLUMN reporting.check_in_conflicts.event_name IS 'Its name.';
COMMENT ON COLUMN reporting.check_in_conflicts.number IS 'The e-ticket''s number within the event.';
COMMENT ON COLUMN reporting.check_in_conflicts.reservation_id IS 'The reservation that it is of.';
COMMENT ON COLUMN reporting.check_in_conflicts.kind IS 'double_entry: two gates let it in; void: it was void already.';
COMMENT ON COLUMN reporting.check_in_conflicts.gate IS 'The gate whose entry was recorded later.';
COMMENT ON COLUMN reporting.check_in_conflicts.scanned_at IS 'When that gate scanned it.';
COMMENT ON COLUMN reporting.check_in_conflicts.other_gate IS 'The other gate; null where the e-ticket was void.';
COMMENT ON COLUMN reporting.check_in_conflicts.other_at IS 'When the other gate let it in.';
COMMENT ON COLUMN reporting.check_in_conflicts.recorded_at IS 'When the later entry was recorded.';
