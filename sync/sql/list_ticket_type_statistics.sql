SELECT * FROM ticket_type_statistics WHERE ticket_type > $1 ORDER BY ticket_type LIMIT $2
