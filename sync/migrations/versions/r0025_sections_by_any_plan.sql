-- Postgres may evaluate the sides of AND in any order, and did. Of a pool such as '7' nothing is left that would be a
-- number.

CREATE OR REPLACE VIEW reporting.sales_by_section AS
SELECT
  r.event_id,
  s.id AS section_id,
  s.name AS section,
  r.currency,
  coalesce(sum(i.quantity) FILTER (WHERE r.status IN ('held', 'paying')), 0)::bigint AS held,
  coalesce(sum(i.quantity) FILTER (WHERE r.status = 'paid'), 0)::bigint AS sold,
  coalesce(sum(i.quantity * i.unit_minor) FILTER (WHERE r.status = 'paid'), 0)::bigint AS revenue_minor,
  max(r.updated_at) AS updated_at
FROM reservation_items AS i
JOIN counted_reservations AS r ON r.id = i.reservation_id
JOIN sections AS s ON s.id = CASE WHEN i.pool ~ '^s\d+$' THEN substr(i.pool, 2)::integer END
GROUP BY r.event_id, s.id, s.name, r.currency;

CREATE OR REPLACE VIEW reporting.revenue_by_section AS
SELECT
  r.event_id,
  s.id AS section_id,
  s.name AS section,
  i.ticket_id,
  r.currency,
  sum(i.quantity)::bigint AS places,
  minor_sum(i.quantity * i.unit_minor) AS revenue_minor,
  max(r.updated_at) AS updated_at
FROM reservation_items AS i
JOIN counted_reservations AS r ON r.id = i.reservation_id
LEFT JOIN sections AS s ON s.id = CASE WHEN i.pool ~ '^s\d+$' THEN substr(i.pool, 2)::integer END
WHERE r.status = 'paid'
GROUP BY r.event_id, s.id, s.name, i.ticket_id, r.currency;
