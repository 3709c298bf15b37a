INSERT INTO reservation_items AS known (
  reservation_id, position, ticket_id, pool, quantity, unit_minor, created_at, first_of_ticket, seats, off_minor
)
SELECT
  reservation_id, position, ticket_id, pool, quantity, unit_minor, instant(created_ms), first_of_ticket,
  seats::integer[], off_minor
FROM unnest(
  $1::text[], $2::smallint[], $3::integer[], $4::text[], $5::integer[], $6::bigint[], $7::bigint[],
  $8::boolean[], $9::text[], -- arrays of many lengths have no array, but as text
  $10::bigint[]
) AS told (reservation_id, position, ticket_id, pool, quantity, unit_minor, created_ms, first_of_ticket, seats, off_minor)
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
