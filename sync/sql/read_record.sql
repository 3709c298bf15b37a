SELECT id, record FROM reservation_records WHERE id = $1
