-- From what a customer asks for to the lines of a record: what hold and add have in common.

-- The refusal of an event that is not on sale now, or nil.
local function sale_refusal(u, terms)
  if terms.status == 'draft' then
    return reply('not_on_sale_yet', 0)
  end
  if terms.status ~= 'on_sale' or (terms.closes_ms > 0 and u.now_ms >= terms.closes_ms) then
    return reply('sale_closed')
  end
  if u.now_ms < terms.opens_ms then
    return reply('not_on_sale_yet', terms.opens_ms)
  end
  return nil
end

-- The one line of so many places of a ticket without seats, in a list. The holds of a call share it.
local function ticket_lines(ticket, ticket_id, quantity)
  local lines = ticket.lines[quantity]
  if not lines then
    lines = { { ticket_id, ticket.pools[1], quantity, ticket.unit_minor } }
    ticket.lines[quantity] = lines
  end
  return lines
end

-- How a ticket's places must be chosen for an item whose third value is of this type.
local SEATING_OF = { ['nil'] = 'general', string = 'assigned', boolean = 'assigned', number = 'timed' }

-- The refusal of an item that cannot be had of its ticket at all, or nil.
local function item_refusal(u, ticket, item)
  if not ticket or ticket.seating ~= SEATING_OF[type(item[3])] then
    return reply('unknown_pool', item[1])
  end
  if ticket.seating == 'timed' and u.now_ms >= item[3] then
    return reply('slot_past')
  end
  return nil
end

-- The line of an item of places that are all alike, of a ticket or of a slot.
local function place_line(u, event, ticket, item)
  if ticket.seating == 'general' then
    return ticket_lines(ticket, item[1], item[2])[1]
  end
  local _, name = unit_slot(u, event, item[3])
  return { item[1], name, item[2], ticket.unit_minor }
end

-- The map of a section that a ticket offers.
local function offered_map(u, event, name)
  return unit_map(u, event, name) or damaged('no map of ' .. event_field(u, event, name))
end

-- Adds the line of seats that were named; to `gone` those that are not to be had.
local function add_named_seats(u, event, item, ticket, lines, gone)
  local name, seats = item[3], item[4]
  local others = seats_other_than(offered_map(u, event, name), seats, SEAT_OF.available)
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
      local _, seats = string.gsub(map_apply(map).text, SEAT_OF.available, '')
      if seats ~= unit_pool(u, event, name).available then
        damaged('map ' .. map.key)
      end
      map.checked = true
    end
  end
end

-- Adds lines of the best seats, beside those that `lines` have already; returns a refusal where there are too few.
local function add_best_seats(u, event, item, ticket, lines)
  local sections, available = {}, 0
  for i, name in ipairs(ticket.pools) do
    sections[i] = map_apply(offered_map(u, event, name))
    available = available + unit_pool(u, event, name).available
    for _, line in ipairs(lines) do
      if line[LINE_POOL] == name then
        sections[i] = section_without(sections[i], line[LINE_SEATS])
        available = available - line[LINE_QUANTITY]
      end
    end
  end
  local choice, largest
  if available < item[2] then
    largest = largest_block(sections, item[2])
  else
    choice, largest = best_available(sections, item[2], item[3])
    if not choice then
      check_maps(u, event, ticket.pools)
    end
  end
  if not choice then
    return reply('sold_out', item[1], available, largest)
  end
  local seats_of = {}
  for _, group in ipairs(choice) do
    local seats = seats_of[group[1]] or {}
    seats_of[group[1]] = seats
    for _, seat in ipairs(group[2]) do
      table.insert(seats, seat)
    end
  end
  for i, name in ipairs(ticket.pools) do
    local seats = seats_of[i]
    if seats then
      table.sort(seats)
      lines[#lines + 1] = { item[1], name, #seats, ticket.unit_minor, seats }
    end
  end
  return nil
end

-- The lines of the items, or nil and the refusal. No seat is named twice: who asks sees to that. Best seats are chosen
-- after the named ones. Places that are all alike are not looked for here, see unit_short_line.
local function choose_lines(u, event, terms, items)
  local lines, gone = {}, {}
  for i = 1, #items do
    local item = items[i]
    local ticket = terms.tickets[item[1]]
    if ticket.seating ~= 'assigned' then
      lines[#lines + 1] = place_line(u, event, ticket, item)
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
      local refusal = add_best_seats(u, event, item, ticket, lines)
      if refusal then
        return nil, refusal
      end
    end
  end
  return lines
end
