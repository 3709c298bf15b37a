DELETE FROM code_terms AS t WHERE id = $1 AND NOT EXISTS (SELECT FROM codes AS c WHERE c.terms_id = t.id)
