SELECT EXISTS (SELECT FROM reservations WHERE event_id = $1 AND status IN ('paying', 'paid'))
  OR EXISTS (SELECT FROM bookings WHERE event_id = $1 AND expires_at > now())
