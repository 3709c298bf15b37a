-- Waiting lists: what is offered to whom. Places that return to a lined pool are set aside, and go to the first in line.

do
  local AT_ONCE, at, line_pools = waitlists.AT_ONCE, waitlists.at, waitlists.line_pools
  local first_of, most_of = waitlists.first_of, waitlists.most_of
  local change, leave, finish, is_over = waitlists.change, waitlists.leave, waitlists.finish, waitlists.is_over

  -- The pools of a ticket that are not blocked, how many places of them can be offered, and how many there are in all.
  local function free_of(u, event, ticket, blocked)
    local pools, free, capacity = {}, 0, 0
    for _, name in ipairs(ticket.pools) do
      local pool = unit_pool(u, event, name)
      capacity = capacity + pool.capacity
      if not blocked[name] then
        pools[#pools + 1], free = name, free + pool.available
      end
    end
    return pools, free, capacity
  end

  -- True if an entry can never be served as the terms are, or as many places as its customer has by now.
  local function is_hopeless(u, terms, entry, capacity)
    local own = terms.tickets[entry.ticket].own
    return own and entry.quantity < own.min_quantity or entry.quantity > capacity
      or unit_customer(u, entry.event, entry.customer) + entry.quantity > terms.max_per_customer
  end

  -- Makes the hold of an entry's offer. Its pools have the places.
  local function offer(u, list, terms, ticket, pools, entry)
    local item, lines = { entry.ticket, entry.quantity, false }, {}
    if ticket.seating == 'assigned' then
      local refusal = sale.add_best_seats(u, list.event, item, ticket, lines, pools)
      if refusal then
        damaged('map of a section of ticket ' .. u.digits[entry.ticket])
      end
    else
      lines[1] = { entry.ticket, pools[1], entry.quantity, ticket.unit_minor }
    end
    leave(list, entry)
    for _, line in ipairs(lines) do -- what was set aside goes first
      local lined = list.lined[line[LINE_POOL]]
      lined.before = math.max(0, lined.before - line[LINE_QUANTITY])
    end
    unit_move(u, list.event, lines, 'available', 'held')
    unit_add_customer_places(u, list.event, entry.customer, entry.quantity)
    entry.until_ms, entry.state = u.now_ms + terms.waiting[1], 'offered'
    unit_add_hold(u, u.prefix .. entry.id, entry.id, list.event, entry.customer, entry.details, OFFER_DIGEST,
      entry.until_ms, lines)
    change(u, list, entry, 'offered')
  end

  -- The tickets for which somebody waits and that are sold now.
  local function served_tickets(u, list, terms)
    local tickets = {}
    for ticket_id, count in pairs(list.counts) do
      local ticket = count > 0 and terms.tickets[ticket_id]
      if ticket and waitlists.is_sold(u, ticket_id, ticket) then
        tickets[#tickets + 1] = ticket_id
      end
    end
    return tickets
  end

  -- The first in a ticket's line who can have its places now, or must wait for more. One that waits for more than a customer may
  -- have by now comes, too: it has to go.
  local function candidate(u, list, terms, ticket_id, free)
    if not terms.waiting[3] then
      return first_of(list, ticket_id, nil)
    end
    local best
    for quantity = 1, math.min(free, math.max(terms.max_per_customer, most_of(list, ticket_id)), 100) do
      local entry = first_of(list, ticket_id, quantity)
      best = entry and (not best or entry.number < best.number) and entry or best
    end
    return best
  end

  -- Offers free places, in the order of the entries' numbers. Places that are too few for the first of a line are
  -- offered to nobody behind it. That is also so for lines of another ticket that shares them.
  local function offer_places(u, list, terms)
    local blocked, tickets = {}, served_tickets(u, list, terms)
    while u.offers_left > 0 and #tickets > 0 do
      local best, best_pools, best_free, best_capacity, best_at
      for i = #tickets, 1, -1 do
        local pools, free, capacity = free_of(u, list.event, terms.tickets[tickets[i]], blocked)
        local entry = free > 0 and candidate(u, list, terms, tickets[i], free)
        if not entry then
          table.remove(tickets, i)
          best_at = best_at and best_at - 1
        elseif not best or entry.number < best.number then
          best, best_pools, best_free, best_capacity, best_at = entry, pools, free, capacity, i
        end
      end
      if not best then
        return
      end
      local ticket = terms.tickets[best.ticket]
      if is_hopeless(u, terms, best, best_capacity) then
        u.offers_left = u.offers_left - 1
        finish(u, list, best, 'ended')
      elseif best.quantity <= best_free then
        u.offers_left = u.offers_left - 1
        offer(u, list, terms, ticket, best_pools, best)
      else
        for _, name in ipairs(best_pools) do
          blocked[name] = true
        end
        table.remove(tickets, best_at)
      end
    end
  end

  -- Ends a slice of the entries of a list that is over.
  local function end_waiting(u, list)
    for ticket_id, count in pairs(list.counts) do
      while count > 0 and u.offers_left > 0 do
        u.offers_left = u.offers_left - 1
        finish(u, list, first_of(list, ticket_id, nil) or damaged('waiting list ' .. list.key), 'ended')
        count = list.counts[ticket_id]
      end
    end
  end

  -- Sets aside what a command has returned to lined pools; returns whether there was anything.
  local function set_aside(list)
    local returned = false
    for _, lined in pairs(list.lined) do
      local pool, base = lined.pool, lined.base
      if lined.before then -- its capacity may be another: what goes was for sale, what comes is set aside
        local for_sale = math.max(0, math.min(base, pool.available - lined.before))
        returned = returned or pool.available > base + lined.before
        pool.aside, pool.available, lined.before = pool.available - for_sale, for_sale, nil
      elseif pool.available > base then
        pool.aside, pool.available, returned = pool.aside + pool.available - base, base, true
      end
      lined.base = pool.available
    end
    return returned
  end

  -- Serves a list as far as that is possible. After an offer, another entry of its customer may exceed the limit. Then those
  -- behind that entry can have the free places.
  local function serve(u, list)
    local terms = unit_terms(u, list.event)
    list.unserved = false
    if is_over(u, terms) then
      end_waiting(u, list)
    elseif not sale.refusal(u, terms) then
      waitlists.release(u, list.event)
      repeat
        local left = u.offers_left
        offer_places(u, list, terms)
      until u.offers_left == left or u.offers_left == 0
      for _, lined in pairs(list.lined) do -- what is for sale stays so, as far as it was not needed
        local pool = lined.pool
        local for_sale = math.max(0, math.min(lined.base, pool.available - lined.before))
        pool.aside, pool.available, lined.before, lined.base = pool.available - for_sale, for_sale, nil, for_sale
      end
    end
    line_pools(u, list)
    list.served_facts = u.facts
  end

  -- After each command, and after what was due was given back: what returned is offered, or set aside. Where anything else
  -- happened, somebody who waits may have taken so many places that the next is served.
  function waitlists.settle(u)
    for _, list in pairs(u.lists) do
      if set_aside(list) or list.unserved or list.waiting > 0 and list.served_facts ~= u.facts then
        serve(u, list)
      end
    end
  end

  -- Serves a list, and forgets a slice of the entries that ended long ago. Returns whether there is more to do.
  function waitlists.tend(u, event)
    local list = at(u, event)
    serve(u, list)
    local due = redis.call('ZRANGEBYSCORE', list.key .. ':ended', '-inf', u.digits[u.now_ms - u.archive_ms], 'LIMIT', 0,
      AT_ONCE)
    for _, id in ipairs(due) do
      if list.ended[id] == nil then -- else it ended in this call, or is forgotten already
        list.entries[id], list.ended[id], list.changed[id] = false, false, nil
      end
    end
    return u.offers_left == 0 or #due == AT_ONCE, list.waiting
  end
end
