INSERT INTO kept_items (reservation_id, position, event_id, ticket_id, pool, quantity, unit_minor, seats, off_minor)
SELECT reservation_id, position, event_id, ticket_id, pool, quantity, unit_minor, seats, off_minor
FROM unnest($1::kept_item_row[]) AS told
