SELECT * FROM code_terms WHERE id = $1 FOR UPDATE
