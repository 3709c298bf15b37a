SELECT number, at, actor, role, token_id, address, action, resource, event_id, before, after, request_id, reason, hash
FROM audit_log
WHERE chain = $1 AND number > $2
ORDER BY number
LIMIT $3;
