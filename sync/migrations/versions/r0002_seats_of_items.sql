ALTER TABLE reservation_items
  ADD COLUMN seats integer[] NOT NULL DEFAULT '{}' CHECK (cardinality(seats) IN (0, quantity));
COMMENT ON COLUMN reservation_items.seats IS
  'Assigned seats, by their places in the map of the section that the pool names; reservation_seats tells their ids.';

-- The record of Redis, rebuilt: the layout of lua/10_codec.lua as a JSON array.
CREATE OR REPLACE VIEW reservation_records AS
SELECT
  r.id,
  r.created_at,
  json_build_array(
    r.status, r.event_id, r.customer_id, r.details::text, milliseconds(r.created_at), milliseconds(r.expires_at),
    coalesce(milliseconds(r.ended_at), 0), r.digest,
    (
      SELECT json_agg(
        json_build_array(i.ticket_id, i.pool, i.quantity, i.unit_minor, i.seats) ORDER BY i.position
      )
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
