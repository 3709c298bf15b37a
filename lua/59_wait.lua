-- wait: gives a customer a place in the line of a ticket that has too few places.
--
-- Command   {"wait", event_id, waiting_id, customer_id, details, contact, digest, ticket_id, quantity, address}
--           waiting_id: also the id of the reservation, once places are offered; details, address: as in hold
--           contact: text about how the customer is notified, kept as it is; digest: of the request
-- Keys      events, pools, customers, ledger, waiting:<event>..., doors:<event>...
-- Promise   The same id again has no further effect and answers its present state.
-- Results   {"rate_limited", who, retry_ms}          too fast (18_limits.lua)
--           {"key_reused"}                           the id was taken for another request, or its entry is forgotten and its
--                                                    reservation is not
--           {"out_of_memory"}                        Redis is too full to take anything
--           {"unknown_pool", ticket_id}              no such event (0) or no such ticket in it
--           {"no_waiting_list"}                      the event has none, or the ticket is of slots
--           {"sale_closed"}                          the event is closed or cancelled, or it or the ticket is past its window
--           {"waiting_ended"}                        the list has ended
--           {"not_on_sale_yet", opens_ms}            nobody waits before the sale of the event or ticket opens
--           {"below_minimum", ticket_id, minimum}    fewer places than the ticket is sold in
--           {"limit_exceeded", limit, taken}         more places than one customer may have, with those that it waits for
--                                                    (taken counts both), or than the ticket has
--           {"places_left", ticket_id, available}    the ticket has places enough: they can be held
--           {"again"}                                expired holds are not all given back yet
--           {"waiting", now_ms, replayed, entry, position}
-- Facts     waiting
do
  -- The places of a ticket, and those that can be taken now.
  local function places_of(u, event, ticket)
    local capacity, available = 0, 0
    for _, name in ipairs(ticket.pools) do
      local pool = unit_pool(u, event, name) or damaged('no pool ' .. event_field(u, event, name))
      capacity, available = capacity + pool.capacity, available + pool.available
    end
    return capacity, available
  end

  local function refusal_of_event(u, terms)
    if not terms then
      return reply('unknown_pool', 0)
    end
    if not terms.waiting then
      return reply('no_waiting_list')
    end
    local refusal = sale.refusal(u, terms)
    if refusal and terms.status ~= 'paused' then
      return refusal
    end
    return waitlists.is_over(u, terms) and reply('waiting_ended') or nil
  end

  local function refusal_of_places(u, terms, event, customer, ticket_id, quantity)
    local ticket = terms.tickets[ticket_id]
    if not ticket or ticket.own and ticket.own.hidden then
      return reply('unknown_pool', ticket_id)
    end
    if ticket.seating == 'timed' then
      return reply('no_waiting_list')
    end
    local refusal = ticket.own and sale.ticket_refusal(u, ticket_id, ticket.own)
    if refusal and refusal ~= reply('sale_paused') then
      return refusal
    end
    local too_few = sale.minimum_refusal(terms, { { ticket_id, quantity } })
    if too_few then
      return too_few
    end
    local capacity, available = places_of(u, event, ticket)
    local limit = math.min(terms.max_per_customer, capacity)
    local taken = unit_customer(u, event, customer) + waitlists.places_of(u, event, customer)
    if quantity > limit or taken + quantity > terms.max_per_customer then
      return u.backlog and reply('again') or reply('limit_exceeded', limit, taken)
    end
    local paused = terms.status == 'paused' or refusal
    if not paused and available >= quantity then
      return reply('places_left', ticket_id, available)
    end
    return u.backlog and reply('again') or nil
  end

  -- True if there is a reservation of that id whose entry is forgotten: its money is not settled, or its places were sold.
  local function had_offer(u, event, id)
    return u.records[id] or redis.call('HGET', u.keys[KEY_LEDGER], id) or sold_before.is(u, event, id)
  end

  local function wait(u, command)
    local event, id, customer, digest, ticket_id, quantity = command[2], command[3], command[4], command[7], command[8],
      command[9]
    local terms = unit_terms(u, event)
    local before = terms and waitlists.entry(u, event, id)
    if before then
      return before.digest == digest and waitlists.reply(u, 'waiting', before, true) or reply('key_reused')
    end
    if terms and had_offer(u, event, id) then
      return reply('key_reused')
    end
    if u.memory_full then
      return reply('out_of_memory')
    end
    local refusal = refusal_of_event(u, terms)
      or refusal_of_places(u, terms, event, customer, ticket_id, quantity)
    if refusal then
      return refusal
    end
    local entry = waitlists.join(u, event, {
      id = id, customer = customer, details = command[5], contact = command[6], digest = digest, ticket = ticket_id,
      quantity = quantity,
    })
    return waitlists.reply(u, 'waiting', entry, false)
  end

  local function takes()
    return true
  end

  commands.wait = { run = wait, asks = { customer = 4, address = 10 }, takes = takes }
end
