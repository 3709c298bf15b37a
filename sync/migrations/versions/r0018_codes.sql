-- Codes that are made together share their terms; one that is changed gets terms of its own.
CREATE TABLE code_terms (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id integer NOT NULL REFERENCES events ON DELETE CASCADE,
  kind text NOT NULL CHECK (kind IN ('access', 'discount', 'allocation')),
  ticket_ids integer[] NOT NULL DEFAULT '{}',
  max_uses integer CHECK (max_uses > 0),
  max_places_per_use integer CHECK (max_places_per_use > 0),
  valid_from timestamptz,
  valid_until timestamptz,
  customer_id text,
  tag text,
  percent integer CHECK (percent BETWEEN 1 AND 100),
  amount_off_minor bigint CHECK (amount_off_minor > 0),
  price_minor bigint CHECK (price_minor >= 0),
  budget_minor bigint CHECK (budget_minor > 0),
  places integer CHECK (places >= 0),
  opens_at timestamptz,
  withdrawn_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  published boolean NOT NULL DEFAULT false,
  CHECK ((kind = 'discount') = (num_nonnulls(percent, amount_off_minor, price_minor) = 1)),
  CHECK ((kind = 'allocation') = (places IS NOT NULL))
);
COMMENT ON TABLE code_terms IS 'What codes open, save or set aside, for whom and when.';
COMMENT ON COLUMN code_terms.ticket_ids IS 'The tickets that they are for; empty: all of the event.';
COMMENT ON COLUMN code_terms.max_uses IS 'Uses of each of the codes; null: no limit.';
COMMENT ON COLUMN code_terms.customer_id IS 'Who alone may use them; null: anybody.';
COMMENT ON COLUMN code_terms.tag IS 'What a manager finds them by.';
COMMENT ON COLUMN code_terms.budget_minor IS 'What all uses of a code may save together; null: no limit.';
COMMENT ON COLUMN code_terms.places IS 'What is set aside for each of the codes.';
COMMENT ON COLUMN code_terms.opens_at IS 'When the sale opens for them; null: as for everybody.';
COMMENT ON COLUMN code_terms.published IS 'Redis has them so. Else the sync worker publishes them.';
CREATE INDEX code_terms_unpublished ON code_terms (id) WHERE NOT published;
CREATE INDEX code_terms_of_customer ON code_terms (customer_id) WHERE customer_id IS NOT NULL;

CREATE TABLE codes (
  event_id integer NOT NULL REFERENCES events ON DELETE CASCADE,
  code text NOT NULL,
  terms_id bigint NOT NULL REFERENCES code_terms ON DELETE CASCADE,
  PRIMARY KEY (event_id, code)
);
COMMENT ON TABLE codes IS 'The codes of events, with the terms that each has.';
CREATE INDEX codes_of_terms ON codes (terms_id, code);

ALTER TABLE reservations ADD COLUMN code text, ADD COLUMN code_kind text;
COMMENT ON COLUMN reservations.code IS 'The code that it names; null: none.';
COMMENT ON COLUMN reservations.code_kind IS 'The kind of that code when it was first named.';
CREATE INDEX reservations_by_code ON reservations (event_id, code) WHERE code IS NOT NULL;

ALTER TABLE reservation_items ADD COLUMN off_minor bigint CHECK (off_minor >= 0);
COMMENT ON COLUMN reservation_items.off_minor IS
  'By how much each place is cheaper under the code, in minor units; null: it is not under the code.';
ALTER TABLE kept_items ADD COLUMN off_minor bigint CHECK (off_minor >= 0);
COMMENT ON COLUMN kept_items.off_minor IS 'As in reservation_items.';

CREATE OR REPLACE VIEW reservation_records AS
SELECT
  r.id,
  r.created_at,
  json_build_array(
    r.status, r.event_id, r.customer_id, r.details::text, milliseconds(r.created_at), milliseconds(r.expires_at),
    coalesce(milliseconds(r.ended_at), 0), r.digest,
    (
      SELECT coalesce(json_agg(
        json_build_array(i.ticket_id, i.pool, i.quantity, i.unit_minor, i.seats, i.off_minor) ORDER BY i.position
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
        json_build_array(k.ticket_id, k.pool, k.quantity, k.unit_minor, k.seats, k.off_minor) ORDER BY k.position
      ), '[]')
      FROM kept_items AS k
      WHERE k.reservation_id = r.id
    ),
    r.currency,
    CASE WHEN r.code IS NOT NULL THEN json_build_array(r.code, r.code_kind) END
  ) AS record
FROM reservations AS r;

CREATE VIEW reporting.code_use AS
SELECT
  c.event_id,
  e.name,
  e.starts_at,
  c.code,
  t.kind,
  t.tag,
  t.max_uses,
  coalesce(u.uses, 0)::bigint AS uses,
  coalesce(u.places_held, 0)::bigint AS places_held,
  coalesce(u.places_sold, 0)::bigint AS places_sold,
  coalesce(u.saved_minor, 0)::bigint AS saved_minor,
  coalesce(u.revenue_minor, 0)::bigint AS revenue_minor,
  e.currency,
  t.withdrawn_at,
  u.updated_at
FROM codes AS c
JOIN code_terms AS t ON t.id = c.terms_id
JOIN events AS e ON e.id = c.event_id
LEFT JOIN (
  SELECT
    r.event_id,
    r.code,
    count(DISTINCT r.id) AS uses,
    sum(i.quantity) FILTER (WHERE r.status IN ('held', 'paying')) AS places_held,
    sum(i.quantity) FILTER (WHERE r.status = 'paid') AS places_sold,
    sum(i.quantity * i.off_minor) AS saved_minor,
    sum(i.quantity * i.unit_minor) FILTER (WHERE r.status = 'paid') AS revenue_minor,
    max(r.updated_at) AS updated_at
  FROM reservations AS r
  JOIN counted_reservations AS counted ON counted.id = r.id
  LEFT JOIN reservation_items AS i ON i.reservation_id = r.id AND i.off_minor IS NOT NULL
  WHERE r.code IS NOT NULL AND r.status IN ('held', 'paying', 'paid')
  GROUP BY r.event_id, r.code
) AS u ON u.event_id = c.event_id AND u.code = c.code;
COMMENT ON VIEW reporting.code_use IS 'Codes of events, and what has been used of each.';
COMMENT ON COLUMN reporting.code_use.event_id IS 'The event.';
COMMENT ON COLUMN reporting.code_use.name IS 'Its name.';
COMMENT ON COLUMN reporting.code_use.starts_at IS 'When it starts.';
COMMENT ON COLUMN reporting.code_use.code IS 'The code.';
COMMENT ON COLUMN reporting.code_use.kind IS 'access, discount or allocation.';
COMMENT ON COLUMN reporting.code_use.tag IS 'The tag of the code, if it has one.';
COMMENT ON COLUMN reporting.code_use.max_uses IS 'How often it may be used; null: no limit.';
COMMENT ON COLUMN reporting.code_use.uses IS 'Held, paying and paid reservations that name it.';
COMMENT ON COLUMN reporting.code_use.places_held IS 'Places under it that are held or being paid for.';
COMMENT ON COLUMN reporting.code_use.places_sold IS 'Places under it that are paid.';
COMMENT ON COLUMN reporting.code_use.saved_minor IS 'By how much those places are cheaper because of it, in minor units.';
COMMENT ON COLUMN reporting.code_use.revenue_minor IS 'Price of the places that are paid, in minor units.';
COMMENT ON COLUMN reporting.code_use.currency IS 'Of the money.';
COMMENT ON COLUMN reporting.code_use.withdrawn_at IS 'When it was withdrawn; null: it was not.';
COMMENT ON COLUMN reporting.code_use.updated_at IS 'When a reservation that uses it changed last; null: there is none.';
