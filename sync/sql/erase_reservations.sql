UPDATE reservations SET details = '{}' WHERE id = ANY ($1::text[]) AND details::text <> '{}'
