INSERT INTO refunds AS known (
  reservation_id, payment_id, id, place, amount_minor, created_at, settled_at, places, worth_minor
)
SELECT
  reservation_id, payment_id, id, place, amount_minor, instant(created_ms), instant(nullif(settled_ms, 0)),
  places::json, worth_minor
FROM unnest($1::refund_row[]) AS told
ON CONFLICT (reservation_id, payment_id, id) DO UPDATE SET settled_at = excluded.settled_at
