ALTER TABLE events ADD COLUMN waiting_list jsonb CHECK (jsonb_typeof(waiting_list) = 'object');
COMMENT ON COLUMN events.waiting_list IS
  'Its waiting list, as it is published: offer_seconds, ends_ms, fill_gaps; null: it has none.';

CREATE TABLE waiting_entries (
  id text PRIMARY KEY,
  event_id integer NOT NULL,
  ticket_id integer NOT NULL,
  quantity integer NOT NULL CHECK (quantity > 0),
  customer_id text NOT NULL,
  details json NOT NULL,
  contact json NOT NULL,
  digest text NOT NULL,
  created_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL,
  status text NOT NULL CHECK (status IN ('waiting', 'offered', 'taken', 'declined', 'ended')),
  number bigint NOT NULL,
  offered_at timestamptz,
  offer_expires_at timestamptz,
  ended_at timestamptz,
  UNIQUE (event_id, number)
);
COMMENT ON TABLE waiting_entries IS 'Who waits for places of a ticket, or did, and what was offered.';
COMMENT ON COLUMN waiting_entries.id IS 'Also of the reservation, once places were offered.';
COMMENT ON COLUMN waiting_entries.details IS 'Names, as in reservations. json and not jsonb: the text stays as it came.';
COMMENT ON COLUMN waiting_entries.contact IS 'How the customer is told, with an e-mail address.';
COMMENT ON COLUMN waiting_entries.digest IS 'Of the request, to tell a repeat from a misuse of its key.';
COMMENT ON COLUMN waiting_entries.number IS 'Entries of an event are served in this order.';
COMMENT ON COLUMN waiting_entries.ended_at IS 'When it was taken, declined or ended; null while it waits or is offered.';
CREATE INDEX waiting_entries_of_customers ON waiting_entries (customer_id, created_at);
CREATE INDEX waiting_entries_that_wait ON waiting_entries (event_id) WHERE status IN ('waiting', 'offered');

CREATE VIEW reporting.waiting_list AS
SELECT
  w.event_id,
  e.name,
  w.ticket_id,
  t.ticket_type,
  count(*) AS entries,
  coalesce(sum(w.quantity), 0)::bigint AS places,
  count(*) FILTER (WHERE w.status = 'waiting') AS waiting,
  coalesce(sum(w.quantity) FILTER (WHERE w.status = 'waiting'), 0)::bigint AS places_wanted,
  count(*) FILTER (WHERE w.status = 'offered') AS offered,
  count(*) FILTER (WHERE w.status = 'taken') AS taken,
  count(*) FILTER (WHERE w.status = 'declined') AS declined,
  count(*) FILTER (WHERE w.status = 'ended') AS ended,
  coalesce(sum(w.quantity) FILTER (WHERE w.status = 'taken'), 0)::bigint AS places_taken,
  extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY w.offered_at - w.created_at))::bigint AS seconds_to_offer,
  max(w.changed_at) AS updated_at
FROM waiting_entries AS w
JOIN events AS e ON e.id = w.event_id
LEFT JOIN tickets AS t ON t.id = w.ticket_id
GROUP BY w.event_id, e.name, w.ticket_id, t.ticket_type;
COMMENT ON VIEW reporting.waiting_list IS 'Who waits for places of each ticket, and what came of it.';
COMMENT ON COLUMN reporting.waiting_list.event_id IS 'The event.';
COMMENT ON COLUMN reporting.waiting_list.name IS 'Its name.';
COMMENT ON COLUMN reporting.waiting_list.ticket_id IS 'The ticket that is waited for.';
COMMENT ON COLUMN reporting.waiting_list.ticket_type IS 'Its type.';
COMMENT ON COLUMN reporting.waiting_list.entries IS 'Everybody who ever waited for it.';
COMMENT ON COLUMN reporting.waiting_list.places IS 'Places that they waited for.';
COMMENT ON COLUMN reporting.waiting_list.waiting IS 'Who waits now.';
COMMENT ON COLUMN reporting.waiting_list.places_wanted IS 'Places that they wait for.';
COMMENT ON COLUMN reporting.waiting_list.offered IS 'Who can pay for an offer now.';
COMMENT ON COLUMN reporting.waiting_list.taken IS 'Who paid for an offer.';
COMMENT ON COLUMN reporting.waiting_list.declined IS 'Who gave up the place in line, or an offer.';
COMMENT ON COLUMN reporting.waiting_list.ended IS 'Whose offer ran out, or who waited until the list ended.';
COMMENT ON COLUMN reporting.waiting_list.places_taken IS 'Places that were sold by offers.';
COMMENT ON COLUMN reporting.waiting_list.seconds_to_offer IS 'Half of those who were offered places waited no longer.';
COMMENT ON COLUMN reporting.waiting_list.updated_at IS 'When something that it counts changed last.';
