INSERT INTO event_blocked_seats (event_id, seat_id)
SELECT $1, seat_id FROM unnest($2::integer[]) AS told (seat_id)
ON CONFLICT DO NOTHING
