CREATE AGGREGATE minor_sum(bigint) (
  SFUNC = int8pl, STYPE = bigint, INITCOND = '0', COMBINEFUNC = int8pl, PARALLEL = SAFE
);
COMMENT ON AGGREGATE minor_sum(bigint) IS
  'A sum of money in minor units; of none 0. What does not fit into bigint is an error. sum(bigint) counts in numeric, for '
  'which every group pays: a fifth of a second for 400,000 customers.';

-- As before (r0003_reporting.sql), but for the sum.
CREATE OR REPLACE VIEW reporting.sales_by_customer AS
SELECT
  event_id,
  customer_id,
  count(*) AS reservations,
  count(*) FILTER (WHERE status = 'paid') AS reservations_paid,
  coalesce(sum(places) FILTER (WHERE status = 'paid'), 0)::bigint AS places,
  minor_sum(total_minor) FILTER (WHERE status = 'paid') AS revenue_minor
FROM reservations
GROUP BY event_id, customer_id;
