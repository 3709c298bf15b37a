ALTER TABLE payments ADD COLUMN exchange json;
COMMENT ON COLUMN payments.exchange IS
  'Of an exchange: a list of one pair, all items of the reservation before it and after it, each as in reservation_records; '
  'else null. The amount is the difference; 0 where it does not cost more.';
CREATE INDEX payments_of_pending_exchanges ON payments (reservation_id) WHERE status = 'pending' AND exchange IS NOT NULL;

ALTER TABLE refunds ADD COLUMN places json, ADD COLUMN worth_minor bigint;
COMMENT ON COLUMN refunds.places IS
  'The places that went with the money: pairs of a ticket and how many places of it. Null: made by a release that did not tell.';
COMMENT ON COLUMN refunds.worth_minor IS
  'What those cost; of an exchange, how much less the new places cost. What was charged is the price of what is left, and this.';

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
          SELECT coalesce(json_agg(
            CASE
              WHEN f.places IS NULL THEN json_build_array(
                f.id, f.amount_minor, milliseconds(f.created_at), coalesce(milliseconds(f.settled_at), 0)
              )
              ELSE json_build_array(
                f.id, f.amount_minor, milliseconds(f.created_at), coalesce(milliseconds(f.settled_at), 0), f.places,
                f.worth_minor
              )
            END
            ORDER BY f.place
          ), '[]')
          FROM refunds AS f
          WHERE f.reservation_id = p.reservation_id AND f.payment_id = p.id
        ),
        CASE
          WHEN p.received_minor IS NULL THEN '[]'::json
          ELSE json_build_array(json_build_array(p.received_minor, p.received_currency, p.note))
        END,
        coalesce(p.exchange, '[]')
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
