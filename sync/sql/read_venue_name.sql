SELECT name, revision FROM venues WHERE id = $1
