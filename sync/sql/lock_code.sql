SELECT FROM codes WHERE event_id = $1 AND code = $2 FOR UPDATE
