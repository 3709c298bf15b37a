UPDATE etickets SET holder = '{}' WHERE reservation_id = ANY ($1::text[]) AND holder::text <> '{}'
