DELETE FROM bookings
WHERE (event_id, id) IN (SELECT * FROM unnest($1::integer[], $2::uuid[]))
