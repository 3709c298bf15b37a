UPDATE bookings AS b
SET details = told.details::json, phone = ''
FROM unnest($1::integer[], $2::uuid[], $3::text[]) AS told (event_id, id, details)
WHERE b.event_id = told.event_id AND b.id = told.id AND (b.phone <> '' OR b.details::text <> told.details)
