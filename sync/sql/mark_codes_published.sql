UPDATE code_terms SET published = true WHERE id = $1
