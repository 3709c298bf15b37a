SELECT * FROM reporting.sales_by_event WHERE event_id = $1
