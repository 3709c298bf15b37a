SELECT s.*
FROM reporting.sales_by_event AS s
WHERE s.event_id = $1
