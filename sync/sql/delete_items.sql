-- Items beyond those that these reservations have now. Few kinds of baskets, so few statements; and each finds its rows by
-- index, also while Postgres believes that the table is small.
DELETE FROM reservation_items WHERE reservation_id = ANY ($1::text[]) AND position >= $2
