SELECT id
FROM waiting_entries
WHERE customer_id = $1 AND created_at <= instant($2) AND (details::text <> '{}' OR contact::text <> '{}')
LIMIT $3
