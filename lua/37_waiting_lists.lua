-- Waiting lists: who waits for places of a ticket, and what is offered to whom.
--
-- A list is beside the event's stock, so one step gives places back and offers them:
--   waiting:<event>                  hash:
--     number                         the number of the next entry: entries are served in the order of their numbers
--     lines                          `ticket=waiting` of each ticket for which somebody waits
--     aside                          `pool=places` that returned and are set aside; `*`: all that are available
--     c <customer>                   places that the customer waits for
--     e <waiting_id>                 the entry (ENTRY below), packed
--   waiting:<event>:line:<ticket>    waiting_id by number, of those who wait
--   waiting:<event>:sizes:<ticket>   the same by number of places, then by number
--   waiting:<event>:ended            waiting_id by when it ended; it is forgotten `archive_ms` later
--
-- While somebody waits for places of a pool, the pool is *lined*. Places that were for sale when the line began stay so.
-- Places that return to a lined pool are set aside. The stored counters call them available. But in a call, `available` of a
-- lined pool has only the places for sale, so no command can take the others. After each command `waitlists.settle` sets
-- aside the places that the command returned, and offers them. No other file has to report what it gives back, or to whom it
-- may go. Nobody can be offered places of a ticket that is gone: they are not lined for it (`lined_pools`).
--
-- An offer is a hold whose id is that of the entry, and whose digest is OFFER_DIGEST. It counts for max_per_customer. It
-- counts for no other limit, because nobody asked for it at that moment: neither for hoarding nor for a waiting room.

do
  local at, entry_of, change, pack = waitlists.at, waitlists.entry_of, waitlists.change, waitlists.pack
  local touch, places_of_customer, leave = waitlists.touch, waitlists.places_of_customer, waitlists.leave
  local numbers_of = waitlists.numbers_of

  -- True if nobody waits for the event any more: it has no list, or that has ended, or nothing of it is sold again.
  local function is_over(u, terms)
    return not terms or not terms.waiting or terms.status == 'closed' or terms.status == 'cancelled'
      or terms.waiting[2] > 0 and u.now_ms >= terms.waiting[2] or terms.closes_ms > 0 and u.now_ms >= terms.closes_ms
  end
  waitlists.is_over = is_over

  local function is_sold(u, ticket_id, ticket)
    return not (ticket.own and sale.ticket_refusal(u, ticket_id, ticket.own))
  end

  -- True if a ticket is sold no more, as its own terms are: it is hidden, or its window is over.
  local function is_gone(u, ticket)
    local own = ticket.own
    return own and (own.hidden or own.closes_ms > 0 and u.now_ms >= own.closes_ms)
  end

  -- Adds the pools of tickets that will be sold again, except those that another ticket sells meanwhile.
  local function add_paused_pools(u, terms, paused, names)
    for ticket_id, ticket in pairs(terms.tickets) do
      for _, name in ipairs(is_sold(u, ticket_id, ticket) and ticket.pools or {}) do
        paused[name] = nil
      end
    end
    for name in pairs(paused) do
      names[name] = true
    end
  end

  -- The pools in which places that return are set aside, as the lines are now.
  local function lined_pools(u, list, terms)
    local names, paused = {}, {}
    if list.waiting > 0 and not is_over(u, terms) then
      for ticket_id, count in pairs(list.counts) do
        local ticket = count > 0 and terms.tickets[ticket_id]
        if ticket and not is_gone(u, ticket) then
          local into = is_sold(u, ticket_id, ticket) and names or paused
          for _, name in ipairs(ticket.pools) do
            into[name] = true
          end
        end
      end
    end
    if next(paused) then
      add_paused_pools(u, terms, paused, names)
    end
    return names
  end

  -- Makes pools lined, or no longer so, as the lines are now. `aside`: pool -> places set aside; nil: none is known.
  local function line_pools(u, list, aside)
    local names = lined_pools(u, list, unit_terms(u, list.event))
    for name, lined in pairs(list.lined) do
      if not names[name] then
        local pool = lined.pool
        pool.available, pool.aside = pool.available + pool.aside, nil
        list.lined[name] = nil
      end
    end
    for name in pairs(names) do
      if not list.lined[name] then
        local pool = unit_pool(u, list.event, name) or damaged('no pool ' .. event_field(u, list.event, name))
        pool.aside = math.min(pool.available, aside and (aside[name] or aside.all) or 0)
        pool.available = pool.available - pool.aside
        list.lined[name] = { pool = pool, base = pool.available }
      end
    end
  end

  -- Prepares the list of an event whose terms are read, before anything of it is given back or taken.
  function waitlists.open(u, event)
    local list = at(u, event)
    if list.waiting > 0 then
      local aside = numbers_of(list.aside_text)
      aside.all = list.aside_text == '*' and math.huge or nil -- after a restore
      line_pools(u, list, aside)
      list.unserved = true
    end
  end

  -- The terms of an event have changed, or it has got some.
  function waitlists.terms_changed(u, event)
    local list = u.lists and u.lists[event]
    if list then
      line_pools(u, list)
      list.unserved = true
    end
  end

  -- Makes `available` of a pool all that is available, for a command that changes capacities. It is settled afterwards.
  function waitlists.release(u, event)
    for _, lined in pairs(u.lists and u.lists[event] and u.lists[event].lined or {}) do
      local pool = lined.pool
      lined.before, pool.available, pool.aside = pool.aside, pool.available + pool.aside, 0
    end
  end

  -- An entry ends: taken, declined or ended.
  local function finish(u, list, entry, state)
    if entry.state == 'waiting' then
      leave(list, entry)
    end
    redis.call('ZCARD', list.key .. ':ended')
    entry.state, list.ended[entry.id] = state, u.now_ms
    change(u, list, entry, state)
  end

  -- Gives somebody the next place in a ticket's line. Returns the entry.
  function waitlists.join(u, event, values)
    local list = at(u, event)
    local entry = values
    touch(list, entry.ticket)
    entry.event, entry.state, entry.number, entry.until_ms = event, 'waiting', list.number, 0
    entry.created_ms, entry.changed_ms, entry.is_new = u.now_ms, 0, true
    list.number = list.number + 1
    list.customers[entry.customer] = places_of_customer(list, entry.customer) + entry.quantity
    list.changed_customers[entry.customer] = true
    list.counts[entry.ticket], list.waiting = (list.counts[entry.ticket] or 0) + 1, list.waiting + 1
    list.entries[entry.id] = entry
    table.insert(list.joined[entry.ticket], entry)
    change(u, list, entry, 'waiting')
    line_pools(u, list)
    list.unserved = true -- what is set aside for somebody before it may be enough for it
    return entry
  end

  -- The entry of that id at this instant, or false. One that waits for nothing any more has ended.
  function waitlists.entry(u, event, id)
    local terms, list = unit_terms(u, event), at(u, event)
    local entry = entry_of(list, id)
    if entry and entry.state == 'waiting' and is_over(u, terms) then
      finish(u, list, entry, 'ended')
    end
    return entry
  end

  -- An entry's place in line is given up.
  function waitlists.decline(u, entry)
    finish(u, at(u, entry.event), entry, 'declined')
    line_pools(u, at(u, entry.event))
    at(u, entry.event).unserved = true
  end

  -- The hold of an offer has ended: `state` is that of its entry from here on.
  function waitlists.offer_ended(u, r, state)
    local list = at(u, r.event)
    local entry = entry_of(list, r.rid)
    if entry and entry.state ~= state and (entry.state == 'offered' or state == 'taken') then
      finish(u, list, entry, state)
    end
  end

  -- Replaces what the API keeps about the customer of an entry; returns whether that was another.
  function waitlists.erase(u, entry, details, contact)
    if entry.details == details and entry.contact == contact then
      return false
    end
    entry.details, entry.contact = details, contact
    change(u, at(u, entry.event), entry, 'erased')
    return true
  end

  -- The result of a command on an entry.
  function waitlists.reply(u, word, entry, replayed)
    return ARRAY_HEADS[5] .. u.packed[word] .. u.packed[u.now_ms] .. u.packed[replayed] .. pack(entry)
      .. cmsgpack.pack(waitlists.position(u, entry))
  end

  waitlists.line_pools, waitlists.finish, waitlists.is_sold = line_pools, finish, is_sold
end
