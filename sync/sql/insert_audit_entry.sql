INSERT INTO audit_log
  (chain, number, at, actor, role, token_id, address, action, resource, event_id, before, after, request_id, reason, hash)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12::jsonb, $13, $14, $15);
