SELECT * FROM reporting.sales_by_event WHERE event_id > $1 AND ($3::integer[] IS NULL OR event_id = ANY ($3)) ORDER BY event_id LIMIT $2
