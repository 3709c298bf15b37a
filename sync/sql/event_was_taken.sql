SELECT EXISTS (SELECT FROM reservations WHERE event_id = $1) OR EXISTS (SELECT FROM bookings WHERE event_id = $1)
