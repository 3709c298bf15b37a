-- Newest first, from the one before ($6, $7, $8).
SELECT chain, number, at, actor, role, action, resource, before, after, request_id, reason
FROM audit_log
WHERE ($1::text IS NULL OR actor = $1)
  AND ($2::integer IS NULL OR event_id = $2)
  AND ($3::text IS NULL OR action = $3)
  AND ($4::timestamptz IS NULL OR at >= $4)
  AND ($5::timestamptz IS NULL OR at <= $5)
  AND ($6::timestamptz IS NULL OR (at, chain, number) < ($6, $7::integer, $8::bigint))
  AND ($10::integer[] IS NULL OR event_id = ANY ($10))
ORDER BY at DESC, chain DESC, number DESC
LIMIT $9;
