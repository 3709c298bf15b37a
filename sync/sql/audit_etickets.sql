SELECT event_id, number, reservation_id, ticket_id, pool, seat, issue, status FROM etickets WHERE event_id % $1 = $2
