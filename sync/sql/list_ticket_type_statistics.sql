SELECT s.*
FROM reporting.sales_by_ticket_type AS s
WHERE (s.ticket_type, s.currency) > ($1, $2)
ORDER BY s.ticket_type, s.currency
LIMIT $3
