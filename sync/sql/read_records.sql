SELECT id, record FROM reservation_records WHERE id = ANY ($1::text[])
