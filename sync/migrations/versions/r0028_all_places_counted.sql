-- Places that statistics left out: those that exchanges pin while their money comes, and those set aside for codes. And records
-- of the reservations that have many attempts.

CREATE VIEW pinned_items AS
SELECT reservation_id, event_id, ticket_id, pool, quantity, unit_minor, seats
FROM (
  SELECT
    e.reservation_id,
    e.event_id,
    e.ticket_id,
    e.pool,
    CASE WHEN e.is_seated THEN cardinality(e.seats) ELSE
      greatest(0, e.up_to_it - e.had) - greatest(0, e.up_to_it - e.quantity - e.had)
    END::integer AS quantity,
    e.unit_minor,
    e.seats
  FROM (
    SELECT
      p.reservation_id,
      r.event_id,
      (line ->> 0)::integer AS ticket_id,
      line ->> 1 AS pool,
      (line ->> 2)::integer AS quantity,
      (line ->> 3)::bigint AS unit_minor,
      json_array_length(line -> 4) > 0 AS is_seated,
      ARRAY (
        SELECT seat::integer
        FROM json_array_elements_text(line -> 4) AS seat
        WHERE NOT EXISTS (
          SELECT FROM json_array_elements(p.exchange -> 0 -> 0) AS had, json_array_elements_text(had -> 4) AS other
          WHERE had ->> 1 = line ->> 1 AND other = seat
        )
      ) AS seats,
      sum((line ->> 2)::integer) OVER (PARTITION BY p.reservation_id, p.id, line ->> 1 ORDER BY after.number) AS up_to_it,
      (
        SELECT coalesce(sum((had ->> 2)::integer), 0)
        FROM json_array_elements(p.exchange -> 0 -> 0) AS had
        WHERE had ->> 1 = line ->> 1
      ) AS had
    FROM payments AS p
    JOIN reservations AS r ON r.id = p.reservation_id
    CROSS JOIN LATERAL json_array_elements(p.exchange -> 0 -> 1) WITH ORDINALITY AS after (line, number)
    WHERE p.status = 'pending' AND p.exchange IS NOT NULL
  ) AS e
) AS lines
WHERE quantity > 0;
COMMENT ON VIEW pinned_items IS
  'Places that exchanges of paid reservations pin while their money comes, beside those that the reservations have.';

CREATE VIEW placed_items AS
SELECT reservation_id, pool, quantity, unit_minor, seats, false AS is_pinned FROM reservation_items
UNION ALL
SELECT reservation_id, pool, quantity, unit_minor, seats, true FROM pinned_items;
COMMENT ON VIEW placed_items IS 'Items of reservations, and those that their exchanges pin.';

CREATE VIEW set_aside_places AS
SELECT c.event_id, t.ticket_ids[1] AS ticket_id, c.code, greatest(0, t.places - coalesce(taken.places, 0)) AS quantity
FROM code_terms AS t
JOIN codes AS c ON c.terms_id = t.id
CROSS JOIN LATERAL (
  SELECT sum(i.quantity) AS places
  FROM reservations AS r
  CROSS JOIN LATERAL (
    SELECT quantity FROM reservation_items
    WHERE reservation_id = r.id AND off_minor IS NOT NULL AND r.status IN ('held', 'paying', 'paid')
    UNION ALL
    SELECT quantity FROM kept_items WHERE reservation_id = r.id AND off_minor IS NOT NULL
  ) AS i
  WHERE r.event_id = c.event_id AND r.code = c.code
) AS taken
WHERE t.kind = 'allocation' AND t.published AND t.withdrawn_at IS NULL AND (t.valid_until IS NULL OR t.valid_until > now());
COMMENT ON VIEW set_aside_places IS 'Free places of allocations, which are off sale for everybody without the code.';

CREATE OR REPLACE VIEW reporting.sales_by_event AS
SELECT
  e.id AS event_id,
  e.name,
  e.starts_at,
  c.capacity::bigint AS capacity,
  (coalesce(s.reserved, 0) + coalesce(x.pinned, 0))::bigint AS reserved,
  (coalesce(s.held, 0) + coalesce(x.pinned, 0))::bigint AS held,
  coalesce(s.sold, 0)::bigint AS sold,
  coalesce(s.cancelled, 0)::bigint AS cancelled,
  coalesce(s.expired, 0)::bigint AS expired,
  coalesce(p.refunded, 0)::bigint AS refunded,
  coalesce(s.revenue_minor, 0)::bigint AS revenue_minor,
  (s.reservations_paid / nullif(s.reservations_ended, 0))::float8 AS conversion,
  coalesce(s.places_of_last_hour, 0)::float8 / 60 AS sales_per_minute,
  s.first_sale_at,
  CASE WHEN s.sold >= c.capacity AND c.capacity > 0 THEN s.last_sale_at END AS sold_out_at,
  e.currency,
  coalesce(k.kept, 0)::bigint AS kept,
  s.updated_at,
  coalesce(a.set_aside, 0)::bigint AS set_aside
FROM events AS e
JOIN event_capacities AS c ON c.event_id = e.id
LEFT JOIN (
  SELECT
    t.event_id,
    sum(t.places) FILTER (WHERE t.status IN ('held', 'paying', 'paid')) AS reserved,
    sum(t.places) FILTER (WHERE t.status IN ('held', 'paying')) AS held,
    sum(t.places) FILTER (WHERE t.status = 'paid') AS sold,
    sum(t.places) FILTER (WHERE t.status = 'cancelled') AS cancelled,
    sum(t.places) FILTER (WHERE t.status = 'expired') AS expired,
    sum(t.total_minor) FILTER (WHERE t.status = 'paid') AS revenue_minor,
    coalesce(sum(t.reservations) FILTER (WHERE t.status = 'paid'), 0) AS reservations_paid,
    sum(t.reservations) FILTER (WHERE t.status NOT IN ('held', 'paying')) AS reservations_ended,
    sum(t.places_of_last_hour) FILTER (WHERE t.status = 'paid') AS places_of_last_hour,
    min(t.first_sale_at) AS first_sale_at,
    max(t.last_sale_at) FILTER (WHERE t.status = 'paid') AS last_sale_at,
    max(t.updated_at) AS updated_at
  FROM event_status_totals AS t
  GROUP BY t.event_id
) AS s ON s.event_id = e.id
LEFT JOIN (SELECT event_id, sum(quantity) AS refunded FROM refunded_places GROUP BY event_id) AS p ON p.event_id = e.id
LEFT JOIN (
  SELECT k.event_id, sum(k.quantity) AS kept
  FROM kept_items AS k JOIN counted_reservations AS r ON r.id = k.reservation_id
  GROUP BY k.event_id
) AS k ON k.event_id = e.id
LEFT JOIN (
  SELECT x.event_id, sum(x.quantity) AS pinned
  FROM pinned_items AS x JOIN counted_reservations AS r ON r.id = x.reservation_id
  GROUP BY x.event_id
) AS x ON x.event_id = e.id
LEFT JOIN (SELECT event_id, sum(quantity) AS set_aside FROM set_aside_places GROUP BY event_id) AS a ON a.event_id = e.id;
COMMENT ON COLUMN reporting.sales_by_event.reserved IS 'Held, paying and paid, and what exchanges pin while their money comes.';
COMMENT ON COLUMN reporting.sales_by_event.held IS 'Held and paying, and what exchanges pin while their money comes.';
COMMENT ON COLUMN reporting.sales_by_event.revenue_minor IS
  'Price of what is sold. A refund of another amount than the price is in money_by_day alone.';
COMMENT ON COLUMN reporting.sales_by_event.set_aside IS
  'Places set aside for codes now and not taken; with kept they are all that are off sale without an owner.';

CREATE OR REPLACE VIEW reporting.sales_by_ticket AS
SELECT
  t.id AS ticket_id,
  t.event_id,
  t.ticket_type,
  t.unit_minor,
  (coalesce(s.reserved, 0) + coalesce(x.pinned, 0))::bigint AS reserved,
  (coalesce(s.held, 0) + coalesce(x.pinned, 0))::bigint AS held,
  coalesce(s.sold, 0)::bigint AS sold,
  coalesce(s.cancelled, 0)::bigint AS cancelled,
  coalesce(s.expired, 0)::bigint AS expired,
  coalesce(p.refunded, 0)::bigint AS refunded,
  coalesce(s.revenue_minor, 0)::bigint AS revenue_minor,
  coalesce(s.reservations_paid, 0)::bigint AS reservations_paid,
  coalesce(s.reservations_ended, 0)::bigint AS reservations_ended,
  t.currency,
  coalesce(k.kept, 0)::bigint AS kept,
  s.updated_at,
  coalesce(a.set_aside, 0)::bigint AS set_aside
FROM tickets AS t
LEFT JOIN (
  SELECT
    c.ticket_id,
    sum(c.places) FILTER (WHERE c.status IN ('held', 'paying', 'paid')) AS reserved,
    sum(c.places) FILTER (WHERE c.status IN ('held', 'paying')) AS held,
    sum(c.places) FILTER (WHERE c.status = 'paid') AS sold,
    sum(c.places) FILTER (WHERE c.status = 'cancelled') AS cancelled,
    sum(c.places) FILTER (WHERE c.status = 'expired') AS expired,
    sum(c.total_minor) FILTER (WHERE c.status = 'paid') AS revenue_minor,
    sum(c.reservations) FILTER (WHERE c.status = 'paid') AS reservations_paid,
    sum(c.reservations) FILTER (WHERE c.status NOT IN ('held', 'paying')) AS reservations_ended,
    max(c.updated_at) AS updated_at
  FROM (
    SELECT
      i.ticket_id,
      r.status,
      count(*) FILTER (WHERE i.first_of_ticket) AS reservations,
      sum(i.quantity) AS places,
      sum(i.quantity * i.unit_minor) AS total_minor,
      max(r.updated_at) AS updated_at
    FROM reservation_items AS i
    JOIN counted_reservations AS r ON r.id = i.reservation_id
    GROUP BY i.ticket_id, r.status
  ) AS c
  GROUP BY c.ticket_id
) AS s ON s.ticket_id = t.id
LEFT JOIN (
  SELECT ticket_id, sum(quantity) AS refunded FROM refunded_places GROUP BY ticket_id
) AS p ON p.ticket_id = t.id
LEFT JOIN (
  SELECT k.ticket_id, sum(k.quantity) AS kept
  FROM kept_items AS k JOIN counted_reservations AS r ON r.id = k.reservation_id
  GROUP BY k.ticket_id
) AS k ON k.ticket_id = t.id
LEFT JOIN (
  SELECT x.ticket_id, sum(x.quantity) AS pinned
  FROM pinned_items AS x JOIN counted_reservations AS r ON r.id = x.reservation_id
  GROUP BY x.ticket_id
) AS x ON x.ticket_id = t.id
LEFT JOIN (SELECT ticket_id, sum(quantity) AS set_aside FROM set_aside_places GROUP BY ticket_id) AS a ON a.ticket_id = t.id;
COMMENT ON COLUMN reporting.sales_by_ticket.reserved IS 'Held, paying and paid, and what exchanges pin while their money comes.';
COMMENT ON COLUMN reporting.sales_by_ticket.held IS 'Held and paying, and what exchanges pin while their money comes.';
COMMENT ON COLUMN reporting.sales_by_ticket.revenue_minor IS
  'Price of what is sold. A refund of another amount than the price is in money_by_day alone.';
COMMENT ON COLUMN reporting.sales_by_ticket.set_aside IS
  'Places set aside for codes now and not taken; with kept they are all that are off sale without an owner.';

CREATE OR REPLACE VIEW reporting.sales_by_ticket_type AS
SELECT
  ticket_type,
  sum(reserved)::bigint AS reserved,
  sum(held)::bigint AS held,
  sum(sold)::bigint AS sold,
  sum(cancelled)::bigint AS cancelled,
  sum(expired)::bigint AS expired,
  sum(refunded)::bigint AS refunded,
  sum(revenue_minor)::bigint AS revenue_minor,
  (sum(reservations_paid) / nullif(sum(reservations_ended), 0))::float8 AS conversion,
  currency,
  sum(kept)::bigint AS kept,
  max(updated_at) AS updated_at,
  sum(set_aside)::bigint AS set_aside
FROM reporting.sales_by_ticket
GROUP BY ticket_type, currency;
COMMENT ON COLUMN reporting.sales_by_ticket_type.reserved IS
  'Held, paying and paid, and what exchanges pin while their money comes.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.held IS 'Held and paying, and what exchanges pin while their money comes.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.revenue_minor IS
  'Price of what is sold. A refund of another amount than the price is in money_by_day alone.';
COMMENT ON COLUMN reporting.sales_by_ticket_type.set_aside IS
  'Places set aside for codes now and not taken; with kept they are all that are off sale without an owner.';

CREATE OR REPLACE VIEW reporting.sales_by_section AS
SELECT
  r.event_id,
  s.id AS section_id,
  s.name AS section,
  r.currency,
  coalesce(sum(i.quantity) FILTER (WHERE r.status IN ('held', 'paying') OR i.is_pinned), 0)::bigint AS held,
  coalesce(sum(i.quantity) FILTER (WHERE r.status = 'paid' AND NOT i.is_pinned), 0)::bigint AS sold,
  coalesce(sum(i.quantity * i.unit_minor) FILTER (WHERE r.status = 'paid' AND NOT i.is_pinned), 0)::bigint AS revenue_minor,
  max(r.updated_at) AS updated_at
FROM placed_items AS i
JOIN counted_reservations AS r ON r.id = i.reservation_id
JOIN sections AS s ON s.id = CASE WHEN i.pool ~ '^s\d+$' THEN substr(i.pool, 2)::integer END
GROUP BY r.event_id, s.id, s.name, r.currency;
COMMENT ON COLUMN reporting.sales_by_section.held IS 'Held and paying, and what exchanges pin while their money comes.';

CREATE OR REPLACE VIEW reporting.sales_by_row AS
SELECT
  r.event_id,
  s.id AS section_id,
  s.name AS section,
  b.name AS "row",
  b.seats,
  r.currency,
  count(*) FILTER (WHERE r.status IN ('held', 'paying') OR i.is_pinned) AS held,
  count(*) FILTER (WHERE r.status = 'paid' AND NOT i.is_pinned) AS sold,
  minor_sum(i.unit_minor) FILTER (WHERE r.status = 'paid' AND NOT i.is_pinned) AS revenue_minor,
  max(r.updated_at) AS updated_at
FROM placed_items AS i
JOIN counted_reservations AS r ON r.id = i.reservation_id
CROSS JOIN LATERAL unnest(i.seats) AS place
JOIN row_places AS b
  ON b.section_id = CASE WHEN i.pool ~ '^s\d+$' THEN substr(i.pool, 2)::integer END
    AND place >= b.first_place AND place < b.first_place + b.seats
JOIN sections AS s ON s.id = b.section_id
GROUP BY r.event_id, s.id, s.name, b.first_seat_id, b.name, b.seats, r.currency;
COMMENT ON COLUMN reporting.sales_by_row.held IS 'Held and paying, and what exchanges pin while their money comes.';

-- Of more than eight attempts, Redis drops those without money. The last eight could be all that failed.
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
      FROM (
        SELECT *
        FROM payments AS told
        WHERE told.reservation_id = r.id
        ORDER BY
          told.status = 'failed'
          OR told.status = 'refunded' AND told.reason = 'late'
          OR told.status = 'completed' AND told.amount_minor = 0 AND NOT EXISTS (
            SELECT FROM refunds AS f WHERE f.reservation_id = r.id AND f.payment_id = told.id
          ),
          told.number DESC
        LIMIT 8
      ) AS p
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
