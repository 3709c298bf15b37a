-- Conversion of requested items into the lines of a record, for hold and add.

local sale = {}
do
  -- The refusal of an event that is not on sale now, or nil. `entry`: the code that is named, or nil; with it the event may be
  -- on sale for some of its tickets only (sale.item_refusal).
  function sale.refusal(u, terms, entry)
    if terms.status == 'draft' then
      return reply('not_on_sale_yet', 0)
    end
    local sells = terms.status == 'on_sale' or terms.status == 'paused'
    if not sells or (terms.closes_ms > 0 and u.now_ms >= terms.closes_ms) then
      return reply('sale_closed')
    end
    local opens_ms = entry and codes.first_opens_ms(entry, terms.opens_ms) or terms.opens_ms
    if u.now_ms < opens_ms then
      return reply('not_on_sale_yet', opens_ms)
    end
    if terms.status == 'paused' then
      return reply('sale_paused')
    end
    return nil
  end

  -- The one line of that many places of a ticket without seats, in a list. The holds of a call share it.
  local function ticket_lines(ticket, ticket_id, quantity)
    local lines = ticket.lines[quantity]
    if not lines then
      lines = { { ticket_id, ticket.pools[1], quantity, ticket.unit_minor } }
      ticket.lines[quantity] = lines
    end
    return lines
  end

  -- The seating that a ticket must have for an item whose third value is of this type; `slot`: its fourth is a number.
  local SEATING_OF = { ['nil'] = 'general', string = 'assigned', boolean = 'assigned', slot = 'timed' }

  -- The refusal of a ticket that is not on sale now by terms of its own, or nil. `entry` as in sale.refusal.
  function sale.ticket_refusal(u, ticket_id, own, entry)
    if own.hidden and not codes.shows(entry, ticket_id) then
      return reply('unknown_pool', ticket_id)
    end
    if own.closes_ms > 0 and u.now_ms >= own.closes_ms then
      return reply('sale_closed')
    end
    local opens_ms = entry and codes.opens_ms(entry, ticket_id, own.opens_ms) or own.opens_ms
    if u.now_ms < opens_ms then
      return reply('not_on_sale_yet', opens_ms)
    end
    return own.paused and reply('sale_paused') or nil
  end

  -- The refusal of fewer places of a ticket than it is sold in, or nil. Seats of a cart (`one_by_one`) are counted when it
  -- is booked.
  function sale.minimum_refusal(terms, items, one_by_one)
    for i = 1, #items do
      local ticket_id, places = items[i][1], 0
      local ticket = terms.tickets[ticket_id]
      if ticket.own and not (one_by_one and ticket.seating == 'assigned') then
        for j = 1, #items do
          places = places + (items[j][1] == ticket_id and items[j][2] or 0)
        end
        if places < ticket.own.min_quantity then
          return reply('below_minimum', ticket_id, ticket.own.min_quantity)
        end
      end
    end
    return nil
  end

  -- The refusal of an item that cannot be had of its ticket at all, or nil. `entry` as in sale.refusal. `is_had`: its places
  -- are held already, so that it does not matter whether the ticket is on sale now.
  function sale.item_refusal(u, terms, item, entry, is_had)
    local ticket, kind = terms.tickets[item[1]], type(item[4]) == 'number' and 'slot' or type(item[3])
    if not ticket or ticket.seating ~= SEATING_OF[kind] then
      return reply('unknown_pool', item[1])
    end
    if not is_had then
      if entry and u.now_ms < codes.opens_ms(entry, item[1], terms.opens_ms) then
        return reply('not_on_sale_yet', terms.opens_ms)
      end
      local refusal = ticket.own and sale.ticket_refusal(u, item[1], ticket.own, entry)
      if refusal then
        return refusal
      end
    end
    return ticket.seating == 'timed' and slots.refusal(u, terms, item[3], item[4]) or nil
  end

  -- The line of an item of places that are all alike, of a ticket or of a slot.
  function sale.place_line(u, event, ticket, item)
    if ticket.seating == 'general' then
      return ticket_lines(ticket, item[1], item[2])[1]
    end
    local _, name = slots.pool(u, event, item[3], item[4])
    return { item[1], name, item[2], ticket.unit_minor }
  end

  -- The map of a section that a ticket offers.
  local function offered_map(u, event, name)
    return maps.of(u, event, name) or damaged('no map of ' .. event_field(u, event, name))
  end

  -- Raises if a seat is named twice: it would be counted twice, and is there once.
  local function check_named(name, seats, lines)
    local twice = false
    for i = 2, #seats do
      twice = twice or seats[i] <= seats[i - 1]
    end
    for i = 1, #lines do
      local others = lines[i][LINE_POOL] == name and lines[i][LINE_SEATS] or {}
      for j = 1, #others do
        for k = 1, #seats do
          twice = twice or seats[k] == others[j]
        end
      end
    end
    if twice then
      error('seats of ' .. name .. ' are named twice, or not in ascending order', 0)
    end
  end

  -- Adds the line of seats that were named; to `gone` those that are not available.
  local function add_named_seats(u, event, item, ticket, lines, gone)
    local name, seats = item[3], item[4]
    check_named(name, seats, lines)
    local others = maps.seats_other_than(offered_map(u, event, name), seats, SEAT_OF.available)
    if #others > 0 then
      gone[#gone + 1] = { name, others }
    end
    lines[#lines + 1] = { item[1], name, #seats, ticket.unit_minor, seats }
  end

  -- Raises unless these sections have as many available seats in their maps as in their pools. Looks once in a call: what
  -- the call does changes both.
  local function check_maps(u, event, names)
    for _, name in ipairs(names) do
      local map = offered_map(u, event, name)
      if not map.checked then
        local _, seats = string.gsub(maps.apply(map).text, SEAT_OF.available, '')
        local pool = unit_pool(u, event, name)
        if seats ~= pool.available + (pool.aside or 0) then
          damaged('map ' .. map.key)
        end
        map.checked = true
      end
    end
  end

  -- The pools of a ticket that have seats for sale: in a section whose seats are all set aside none is looked for.
  local function open_pools(u, event, ticket)
    local first = ticket.pools[1]
    if #ticket.pools == 1 and not unit_pool(u, event, first).aside then
      return ticket.pools
    end
    local names = {}
    for _, name in ipairs(ticket.pools) do
      local pool = unit_pool(u, event, name)
      if pool.available > 0 or not pool.aside then
        names[#names + 1] = name
      end
    end
    return names
  end

  -- Adds lines of the best seats, beside those that `lines` have already; returns a refusal where there are too few.
  -- `names`: the pools of the ticket in which they are looked for; nil: those that have seats for sale.
  function sale.add_best_seats(u, event, item, ticket, lines, names)
    local sections, available = {}, 0
    names = names or open_pools(u, event, ticket)
    for i, name in ipairs(names) do
      sections[i] = maps.apply(offered_map(u, event, name))
      available = available + unit_pool(u, event, name).available
      for _, line in ipairs(lines) do
        if line[LINE_POOL] == name then
          sections[i] = best.section_without(sections[i], line[LINE_SEATS])
          available = available - line[LINE_QUANTITY]
        end
      end
    end
    local choice, largest
    if available < item[2] then
      largest = best.largest_block(sections, item[2])
    else
      choice, largest = best.choose(sections, item[2], item[3])
      if not choice then
        check_maps(u, event, names)
      end
    end
    if not choice then
      return returns.sold_out(u, event, item[1], ticket.pools, available, largest)
    end
    local seats_of = {}
    for _, group in ipairs(choice) do
      local seats = seats_of[group[1]] or {}
      seats_of[group[1]] = seats
      for _, seat in ipairs(group[2]) do
        table.insert(seats, seat)
      end
    end
    for i, name in ipairs(names) do
      local seats = seats_of[i]
      if seats then
        table.sort(seats)
        lines[#lines + 1] = { item[1], name, #seats, ticket.unit_minor, seats }
      end
    end
    return nil
  end

  -- Takes named seats that are blocked for available, for who may sell them; or blocks those again: {pool, {seat...}}...
  local function set_lent(u, event, sections, seat)
    for _, section in ipairs(sections) do
      local map, seats = maps.of(u, event, section[1]), section[2]
      map.lent = map.lent or {}
      for _, place in ipairs(seats) do
        map.lent[place] = seat == SEAT_OF.available or nil
      end
      maps.set_seats(u, map, seats, seat)
      local more = seat == SEAT_OF.available and #seats or -#seats
      unit_set_capacity(u, event, section[1], unit_pool(u, event, section[1]).capacity + more)
    end
  end

  function sale.lend(u, event, items)
    local sections = {}
    for _, item in ipairs(items) do
      local map = item[4] and type(item[4]) == 'table' and offered_map(u, event, item[3])
      local blocked = {}
      for _, seat in ipairs(map and item[4] or {}) do
        if (map.now[seat] or string.sub(map.text, seat, seat)) == SEAT_BLOCKED then
          blocked[#blocked + 1] = seat
        end
      end
      if #blocked > 0 then
        sections[#sections + 1] = { item[3], blocked }
      end
    end
    set_lent(u, event, sections, SEAT_OF.available)
    return sections
  end

  function sale.take_back(u, event, sections)
    set_lent(u, event, sections, SEAT_BLOCKED)
  end

  -- The lines of the items, or nil and the refusal. Raises if a seat is named twice: callers must not do that. Best seats
  -- are chosen after the named ones. Places that are all alike are not looked for here, see unit_short_line. `entry`: the
  -- code whose terms count where it covers a ticket, or nil.
  function sale.choose_lines(u, event, terms, items, entry)
    local lines, gone = {}, {}
    for i = 1, #items do
      local item = items[i]
      local ticket = terms.tickets[item[1]]
      if ticket.seating ~= 'assigned' then
        lines[#lines + 1] = sale.place_line(u, event, ticket, item)
      elseif item[4] then
        add_named_seats(u, event, item, ticket, lines, gone)
      end
    end
    if #gone > 0 then
      return nil, reply('seat_taken', gone)
    end
    for i = 1, #items do
      local item = items[i]
      local ticket = terms.tickets[item[1]]
      if ticket.seating == 'assigned' and not item[4] then
        local refusal = sale.add_best_seats(u, event, item, ticket, lines)
        if refusal then
          return nil, refusal
        end
      end
    end
    return entry and codes.priced(entry, lines) or lines
  end
end
