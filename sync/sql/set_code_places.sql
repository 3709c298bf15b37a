UPDATE code_terms SET places = $2 WHERE id = $1
