SELECT record FROM booking_records WHERE event_id = $1 AND id = $2
