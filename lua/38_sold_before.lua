-- Reservations that were sold, and whose records the archive has forgotten: their e-tickets are still known.
--
-- An idempotency key gives the same id at any time. A new reservation of that id would be written over the sale.

local sold_before = {}
do
  -- True if a reservation of the event has e-tickets, void ones too. Sales of this call have records.
  function sold_before.is(u, event, rid)
    return redis.call('HEXISTS', etickets.key_of(u, event) .. ':of', rid) == 1
  end
end
