SELECT EXISTS (SELECT FROM reservations WHERE event_id = $1 AND status IN ('paying', 'paid'))
