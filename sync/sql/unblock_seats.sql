DELETE FROM event_blocked_seats WHERE event_id = $1 AND seat_id = ANY ($2::integer[])
