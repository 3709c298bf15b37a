-- count: the counters of the pools of an event's tickets.
--
-- Command   {"count", event_id}
-- Keys      events, pools
-- Results   {"unknown_pool", 0}    no such event
--           of a ticket of assigned seats: all its sections together
--           {"counts", now_ms, {{ticket_id, capacity, available, held, paying, sold}...}}   ordered by ticket_id
-- Facts     none
local function count(u, command)
  local event = command[2]
  local terms = unit_terms(u, event)
  if not terms then
    return reply('unknown_pool', 0)
  end
  local counts = {}
  for ticket_id, ticket in pairs(terms.tickets) do
    local capacity, available, held, paying, sold = 0, 0, 0, 0, 0
    for _, name in ipairs(ticket.pools) do
      local pool = unit_pool(u, event, name)
      if not pool then
        damaged('no pool ' .. event_field(u, event, name))
      end
      capacity, available = capacity + pool.capacity, available + pool.available
      held, paying, sold = held + pool.held, paying + pool.paying, sold + pool.sold
    end
    table.insert(counts, { ticket_id, capacity, available, held, paying, sold })
  end
  table.sort(counts, function(a, b) return a[1] < b[1] end)
  return reply('counts', u.now_ms, counts)
end
