SELECT c.event_id, c.code FROM codes AS c JOIN code_terms AS t ON t.id = c.terms_id
WHERE t.customer_id = $1 AND c.made_at <= instant($2)
LIMIT $3
