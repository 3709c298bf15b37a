SELECT id
FROM waiting_entries
WHERE event_id % $1 = $2 AND ended_at < now() - make_interval(secs => $3) AND (details::text <> '{}' OR contact::text <> '{}')
LIMIT $4
