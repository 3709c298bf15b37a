INSERT INTO refunds AS known (
  reservation_id, payment_id, id, place, amount_minor, created_at, settled_at, places, worth_minor
)
SELECT
  reservation_id, payment_id, id, place, amount_minor, instant(created_ms), instant(nullif(settled_ms, 0)),
  places::json, worth_minor
FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::smallint[], $5::bigint[], $6::bigint[], $7::bigint[],
  $8::text[], $9::bigint[]
) AS told (reservation_id, payment_id, id, place, amount_minor, created_ms, settled_ms, places, worth_minor)
ON CONFLICT (reservation_id, payment_id, id) DO UPDATE SET settled_at = excluded.settled_at
