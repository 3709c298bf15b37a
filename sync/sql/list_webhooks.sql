SELECT * FROM webhooks WHERE id > $1 ORDER BY id LIMIT $2
