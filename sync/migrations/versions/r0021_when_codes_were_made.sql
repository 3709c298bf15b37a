-- A change gives a code terms of its own, so when its terms were made does not tell when it was.
ALTER TABLE codes ADD COLUMN made_at timestamptz NOT NULL DEFAULT now();
UPDATE codes AS c SET made_at = t.created_at FROM code_terms AS t WHERE t.id = c.terms_id;
COMMENT ON COLUMN codes.made_at IS 'When the code was made; changes of its terms leave it as it is.';
COMMENT ON COLUMN code_terms.created_at IS 'When these terms were made: with the code, or by its last change.';
