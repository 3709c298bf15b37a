-- The last state of each entry, and when it was offered, if that is among what happened.
INSERT INTO waiting_entries AS known (
  id, event_id, ticket_id, quantity, customer_id, details, contact, digest, created_at, changed_at, status, number,
  offered_at, offer_expires_at, ended_at
)
SELECT
  id, event_id, ticket_id, quantity, customer_id, details::json, contact::json, digest, instant(created_ms),
  instant(changed_ms), status, number, instant(nullif(offered_ms, 0)), instant(nullif(until_ms, 0)),
  instant(nullif(ended_ms, 0))
FROM unnest(
  $1::text[], $2::integer[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[],
  $10::bigint[], $11::text[], $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[]
) AS told (
  id, event_id, ticket_id, quantity, customer_id, details, contact, digest, created_ms, changed_ms, status, number, until_ms,
  offered_ms, ended_ms
)
-- An entry that Redis had forgotten may come again under its id. It then has another number, and all its times begin again.
ON CONFLICT (id) DO UPDATE SET
  ticket_id = excluded.ticket_id,
  quantity = excluded.quantity,
  customer_id = excluded.customer_id,
  digest = excluded.digest,
  created_at = excluded.created_at,
  number = excluded.number,
  details = excluded.details,
  contact = excluded.contact,
  changed_at = excluded.changed_at,
  status = excluded.status,
  offered_at = CASE
    WHEN excluded.number = known.number THEN coalesce(known.offered_at, excluded.offered_at) ELSE excluded.offered_at
  END,
  offer_expires_at = excluded.offer_expires_at,
  ended_at = CASE
    WHEN excluded.number = known.number THEN coalesce(excluded.ended_at, known.ended_at) ELSE excluded.ended_at
  END
