DELETE FROM event_blocked_seats WHERE event_id = $1
