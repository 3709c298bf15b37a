-- Codes of the terms that are among these, and all that there are.
SELECT count(*) FILTER (WHERE code = ANY ($2::text[])), count(*) FROM codes WHERE terms_id = $1
