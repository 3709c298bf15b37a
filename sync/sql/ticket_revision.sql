SELECT event_id, revision FROM tickets WHERE id = $1
