-- A hold stays, with its deadline, when the last seat is removed from it.
ALTER TABLE reservations
  DROP CONSTRAINT reservations_places_check,
  ADD CONSTRAINT reservations_places_check CHECK (places >= 0);
COMMENT ON COLUMN reservations.places IS
  'Places in all items, so that statistics of an event need no join; 0 of a hold that was emptied.';

-- As before, but without items there is an empty list of lines.
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
        p.digest
      ) ORDER BY p.number), '[]')
      FROM (SELECT * FROM payments WHERE reservation_id = r.id ORDER BY number DESC LIMIT 8) AS p
    )
  ) AS record
FROM reservations AS r;
