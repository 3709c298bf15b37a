INSERT INTO reservation_items AS known (
  reservation_id, position, ticket_id, pool, quantity, unit_minor, created_at, first_of_ticket, seats, off_minor
)
SELECT
  reservation_id, position, ticket_id, pool, quantity, unit_minor, instant(created_ms), first_of_ticket,
  seats, off_minor
FROM unnest($1::item_row[]) AS told
ON CONFLICT (reservation_id, position) DO UPDATE SET
  ticket_id = excluded.ticket_id,
  pool = excluded.pool,
  quantity = excluded.quantity,
  unit_minor = excluded.unit_minor,
  first_of_ticket = excluded.first_of_ticket,
  seats = excluded.seats,
  off_minor = excluded.off_minor
-- Items seldom change after the hold: what did not change is not written again.
WHERE (known.ticket_id, known.pool, known.quantity, known.unit_minor, known.first_of_ticket, known.seats,
    known.off_minor)
  IS DISTINCT FROM (
    excluded.ticket_id, excluded.pool, excluded.quantity, excluded.unit_minor, excluded.first_of_ticket, excluded.seats,
    excluded.off_minor
  )
