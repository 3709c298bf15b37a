-- Reservations that were sold, and whose records the archive has forgotten: their e-tickets are still known.
--
-- An idempotency key gives the same id at any time. A new reservation of that id would be written over the sale.

local sold_before = {}
do
  -- Remembers to look for a reservation that a command of the call may make again.
  function sold_before.want(u, event, rid)
    u.wanted_sales = u.wanted_sales or {}
    u.wanted_sales[event] = u.wanted_sales[event] or {}
    table.insert(u.wanted_sales[event], rid)
  end

  -- Looks for them at once, an event at a time: `u.sold` is a set of those that were sold, nil if none was.
  function sold_before.load(u)
    for event, rids in pairs(u.wanted_sales) do
      local stored = unit_terms(u, event) and read_many('HMGET', etickets.key_of(u, event) .. ':of', rids) or {}
      for i = 1, #rids do
        if stored[i] and not u.records[rids[i]] then
          u.sold = u.sold or {}
          u.sold[rids[i]] = true
        end
      end
    end
  end

  -- True if a reservation of the event has e-tickets, void ones too. Sales of this call have records.
  function sold_before.is(u, event, rid)
    return redis.call('HGET', etickets.key_of(u, event) .. ':of', rid) ~= false
  end
end
