UPDATE dead_letters SET fact = $2, error = $3 WHERE id = $1
