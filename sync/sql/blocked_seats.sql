SELECT seat_id FROM event_blocked_seats WHERE event_id = $1 ORDER BY seat_id
