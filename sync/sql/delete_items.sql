-- Items beyond those that a reservation has now.
DELETE FROM reservation_items AS i
USING unnest($1::text[], $2::smallint[]) AS told (reservation_id, items)
WHERE i.reservation_id = told.reservation_id AND i.position >= told.items
