-- A code that was withdrawn may be made again.
INSERT INTO codes AS known (event_id, code, terms_id)
SELECT $1, code, $2 FROM unnest($3::text[]) AS new (code)
ON CONFLICT (event_id, code) DO UPDATE SET terms_id = excluded.terms_id, made_at = now()
WHERE EXISTS (SELECT FROM code_terms AS t WHERE t.id = known.terms_id AND t.withdrawn_at IS NOT NULL)
RETURNING code
