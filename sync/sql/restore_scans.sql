-- Scans and their answers, in the order in which they were answered, so that the same gate and nonce get the same one.
SELECT
  event_id, gate, nonce, coalesce(number, -1) AS number, issue, result, coalesce(other_gate, '') AS other_gate,
  coalesce(milliseconds(other_at), 0) AS other_ms, direction, milliseconds(scanned_at) AS scanned_ms,
  milliseconds(recorded_at) AS recorded_ms
FROM check_ins
WHERE event_id = ANY ($1::integer[])
ORDER BY place
