INSERT INTO kept_items (reservation_id, position, event_id, ticket_id, pool, quantity, unit_minor, seats, off_minor)
SELECT reservation_id, position, event_id, ticket_id, pool, quantity, unit_minor, seats::integer[], off_minor
FROM unnest(
  $1::text[], $2::smallint[], $3::integer[], $4::integer[], $5::text[], $6::integer[], $7::bigint[],
  $8::text[], -- arrays of many lengths have no array, but as text
  $9::bigint[]
) AS told (reservation_id, position, event_id, ticket_id, pool, quantity, unit_minor, seats, off_minor)
