-- In the order in which the attempts began, which `number` keeps.
INSERT INTO payments AS known (
  reservation_id, id, status, amount_minor, reason, digest, started_at, settled_at, completed_at,
  received_minor, received_currency, note, currency, exchange
)
SELECT
  reservation_id, id, status, amount_minor, reason, digest,
  instant(started_ms), instant(nullif(settled_ms, 0)), instant(nullif(completed_ms, 0)),
  received_minor, received_currency, note, currency, exchange::json
FROM unnest($1::payment_row[]) WITH ORDINALITY AS told
ORDER BY ordinality
ON CONFLICT (reservation_id, id) DO UPDATE SET
  status = excluded.status,
  reason = excluded.reason,
  settled_at = excluded.settled_at,
  completed_at = coalesce(known.completed_at, excluded.completed_at),
  received_minor = excluded.received_minor,
  received_currency = excluded.received_currency,
  note = excluded.note
