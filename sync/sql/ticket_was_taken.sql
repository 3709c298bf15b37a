-- A ticket whose places were all exchanged, or refunded while others stayed, is in no item any more; its e-tickets are void.
SELECT EXISTS (SELECT FROM reservation_items WHERE ticket_id = $1)
  OR EXISTS (SELECT FROM kept_items WHERE ticket_id = $1)
  OR EXISTS (SELECT FROM etickets WHERE event_id = $2 AND ticket_id = $1)
