SELECT * FROM event_statistics WHERE event_id = $1
