-- find_code: what a code opens to a customer, as a hold would find it at this instant.
--
-- Command   {"find_code", event_id, code, customer_id}
-- Keys      events, pools, codes:<event>
-- Results   {"unknown_pool", 0}    no such event
--           {"code_unknown"}       as in hold
--           {"code_used_up"}       it has no use, no budget, or no place left
--           {"code_found", now_ms, kind, opens_ms, until_ms, max_places, {{ticket_id, unit_minor, full_minor, available}...}}
--           opens_ms: when the sale opens for it; 0: it is open
--           until_ms, max_places: 0: no limit
--           tickets: those that it covers, ordered by ticket_id. full_minor: the price without the code. available: the
--           places that it can take, -1 if that depends on the slot
-- Facts     none
do
  -- The places of a ticket that can be had with the code.
  local function available_of(u, event, ticket, entry)
    if ticket.seating == 'timed' then
      return -1
    end
    if entry.terms.kind == 'allocation' then
      return entry.free
    end
    local available = 0
    for _, name in ipairs(ticket.pools) do
      available = available + unit_pool(u, event, name).available
    end
    return available
  end

  local function find_code(u, command)
    local event = command[2]
    local terms = unit_terms(u, event)
    if not terms then
      return reply('unknown_pool', 0)
    end
    local entry, refusal = codes.find(u, event, command[3], command[4])
    if not entry then
      return refusal
    end
    local own = entry.terms
    if own.max_uses > 0 and entry.uses >= own.max_uses or own.budget_minor > 0 and entry.spent >= own.budget_minor
      or own.kind == 'allocation' and entry.free == 0 then
      return reply('code_used_up')
    end
    local tickets = {}
    for ticket_id, ticket in pairs(terms.tickets) do
      local hidden = ticket.own and ticket.own.hidden and not codes.shows(entry, ticket_id)
      if codes.covers(entry, ticket_id) and not hidden then
        local unit_minor = codes.price(own, ticket.unit_minor)
        tickets[#tickets + 1] = { ticket_id, unit_minor, ticket.unit_minor, available_of(u, event, ticket, entry) }
      end
    end
    table.sort(tickets, function(one, other) return one[1] < other[1] end)
    local opens_ms = codes.first_opens_ms(entry, terms.opens_ms)
    return reply('code_found', u.now_ms, own.kind, opens_ms > u.now_ms and opens_ms or 0, own.until_ms, own.max_places, tickets)
  end

  commands.find_code = { run = find_code }
end
