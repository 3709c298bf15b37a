INSERT INTO check_ins (
  event_id, gate, nonce, number, issue, direction, result, offline, scanned_at, recorded_at, other_gate, other_at
)
SELECT
  event_id, gate, nonce, number, issue, direction, result, offline, instant(scanned_ms), instant(at_ms), other_gate,
  instant(nullif(other_ms, 0))
FROM unnest(
  $1::integer[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::text[], $8::boolean[],
  $9::bigint[], $10::bigint[], $11::text[], $12::bigint[]
) WITH ORDINALITY AS told (
  event_id, gate, nonce, number, issue, direction, result, offline, scanned_ms, at_ms, other_gate, other_ms, position
)
ORDER BY position
