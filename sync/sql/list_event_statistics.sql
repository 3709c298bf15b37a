SELECT s.*
FROM reporting.sales_by_event AS s
WHERE s.event_id > $1 AND ($3::integer[] IS NULL OR s.event_id = ANY ($3))
ORDER BY s.event_id
LIMIT $2
