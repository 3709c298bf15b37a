SELECT * FROM webhooks WHERE id = $1
