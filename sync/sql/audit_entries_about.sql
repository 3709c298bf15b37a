SELECT chain, number, at, actor, role, action, resource, before, after, request_id, reason
FROM audit_log
WHERE resource = ANY ($1::text[])
ORDER BY at DESC, chain DESC, number DESC
LIMIT $2
