-- In the order in which the attempts began, which `number` keeps.
INSERT INTO payments AS known (
  reservation_id, id, status, amount_minor, reason, digest, started_at, settled_at, completed_at,
  received_minor, received_currency, note, currency, exchange
)
SELECT
  reservation_id, id, status, amount_minor, reason, digest,
  instant(started_ms), instant(nullif(settled_ms, 0)), instant(nullif(completed_ms, 0)),
  received_minor, received_currency, note, currency, exchange::json
FROM unnest(
  $1::text[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::bigint[],
  $10::bigint[], $11::text[], $12::text[], $13::text[], $14::text[]
) WITH ORDINALITY AS told (
  reservation_id, id, status, amount_minor, reason, digest, started_ms, settled_ms, completed_ms, received_minor,
  received_currency, note, currency, exchange, place
)
ORDER BY place
ON CONFLICT (reservation_id, id) DO UPDATE SET
  status = excluded.status,
  reason = excluded.reason,
  settled_at = excluded.settled_at,
  completed_at = coalesce(known.completed_at, excluded.completed_at),
  received_minor = excluded.received_minor,
  received_currency = excluded.received_currency,
  note = excluded.note
