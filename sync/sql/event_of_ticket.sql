SELECT event_id FROM tickets WHERE id = $1
