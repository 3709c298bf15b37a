INSERT INTO section_rows (section_id, position, name, first_seat_id, seats)
SELECT * FROM unnest($1::integer[], $2::integer[], $3::text[], $4::integer[], $5::integer[])
