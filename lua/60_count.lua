-- count: the counters of the pools of an event's tickets.
--
-- Command   {"count", event_id}
-- Keys      events, pools
-- Results   {"unknown_pool", 0}    no such event
--           {"counts", now_ms, {{ticket_id, capacity, available, held, paying, sold, kept}...}, next_return_ms, position,
--            exact}
--           tickets: ordered by ticket_id. The counters of assigned seats are those of all its sections together. Places
--           that are set aside for a waiting list count as held
--           position: the id of the last entry in the outbox before this call
--           next_return_ms: earliest deadline of a live hold while a ticket has nothing available and something held, or 0
--           exact: this call has changed nothing before, so nothing else can be counted at that position
-- Facts     none
do
  local function count(u, command)
    local event = command[2]
    local terms = unit_terms(u, event)
    if not terms then
      return reply('unknown_pool', 0)
    end
    local counts, may_return = {}, false
    for ticket_id, ticket in pairs(terms.tickets) do
      local capacity, available, held, paying, sold, kept = 0, 0, 0, 0, 0, 0
      for _, name in ipairs(ticket.pools) do
        local pool = unit_pool(u, event, name)
        if not pool then
          damaged('no pool ' .. event_field(u, event, name))
        end
        capacity, available, held = capacity + pool.capacity, available + pool.available, held + (pool.aside or 0)
        held, paying, sold, kept = held + pool.held, paying + pool.paying, sold + pool.sold, kept + pool.kept
      end
      may_return = may_return or available == 0 and held > 0
      table.insert(counts, { ticket_id, capacity, available, held, paying, sold, kept })
    end
    table.sort(counts, function(a, b) return a[1] < b[1] end)
    local next_ms = may_return and returns.next_ms(u, event) or 0
    return reply('counts', u.now_ms, counts, next_ms, unit_position(u), unit_is_unchanged(u))
  end

  commands.count = { run = count }
end
