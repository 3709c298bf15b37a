SELECT revision FROM venues WHERE id = $1 FOR UPDATE
