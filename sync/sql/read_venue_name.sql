SELECT name FROM venues WHERE id = $1
