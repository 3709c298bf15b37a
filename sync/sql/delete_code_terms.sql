DELETE FROM code_terms WHERE id = $1
