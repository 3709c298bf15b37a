DELETE FROM kept_items WHERE reservation_id = ANY ($1::text[])
