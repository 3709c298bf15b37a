SELECT c.code, c.made_at, t.* FROM codes AS c JOIN code_terms AS t ON t.id = c.terms_id
WHERE c.event_id = $1 AND t.withdrawn_at IS NULL
  AND ($2::text IS NULL OR t.tag = $2) AND ($3::text IS NULL OR t.kind = $3) AND c.code > $4
ORDER BY c.code
LIMIT $5
