SELECT c.code, c.made_at, t.* FROM codes AS c JOIN code_terms AS t ON t.id = c.terms_id
WHERE c.event_id = $1 AND c.code = $2
FOR UPDATE
