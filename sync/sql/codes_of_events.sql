SELECT c.event_id, c.code, c.made_at, t.* FROM codes AS c JOIN code_terms AS t ON t.id = c.terms_id
WHERE c.event_id = ANY ($1::integer[])
ORDER BY c.event_id, c.code
