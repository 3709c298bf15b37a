SELECT EXISTS (SELECT FROM reservation_items WHERE ticket_id = $1) OR EXISTS (SELECT FROM kept_items WHERE ticket_id = $1)
