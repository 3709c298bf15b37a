SELECT c.event_id, c.code, t.kind, t.tag, milliseconds(c.made_at) AS created_ms
FROM codes AS c JOIN code_terms AS t ON t.id = c.terms_id
WHERE t.customer_id = $1
ORDER BY c.made_at DESC, c.event_id, c.code
LIMIT $2
