SELECT * FROM reporting.sales_by_ticket_type WHERE ticket_type > $1 ORDER BY ticket_type LIMIT $2
