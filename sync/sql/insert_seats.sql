-- The seats of rows that are there.
INSERT INTO seats (id, first_seat_id, number)
SELECT first_seat_id + number - 1, first_seat_id, number
FROM unnest($1::integer[], $2::integer[]) AS told (first_seat_id, seats)
CROSS JOIN LATERAL generate_series(1, seats) AS number
