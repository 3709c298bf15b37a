UPDATE venues SET name = coalesce($2, name), revision = revision + 1 WHERE id = $1
