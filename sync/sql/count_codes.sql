SELECT count(*) FROM (SELECT FROM codes WHERE event_id = $1 LIMIT $2) AS known
