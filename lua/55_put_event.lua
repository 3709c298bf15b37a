-- put_event: publishes an event's terms of sale and the pools of its tickets, also under live sales.
--
-- Command   {"put_event", event_id, terms, {{pool, capacity}...}, {{pool, map}...}, keeps_slots}
--           terms: as in terms_decode
--           map: of each section whose seats are offered, as it is before the first hold
-- Keys      events, pools, slots, seats:<event>:<pool>, outbox
-- Promise   Terms of an older version than the stored one change nothing: newer terms came first.
--           All of it or nothing. A pool that exists keeps its taken places; only its available ones change. A section
--           that exists keeps its map. A new schedule also applies to slots that exist and have not begun: one that it does
--           not have is left with no places. With `keeps_slots`, such a slot keeps as many places as are taken of it.
-- Results   {"below_taken", pool, capacity, taken}  the new capacity is less than what is held, paying and sold
--           {"in_use", currency}                    something of it was taken, in this currency; the terms have another one
--           {"again"}                               the same, but the outbox is too long to be looked through now. Also of
--                                                   an event that this call drops: its codes and rooms are not gone yet
--           {"published"}                           also when nothing changed
-- Facts     none: Postgres, which owns the catalogue, is where this came from
do
  -- True if places of one of the pools of the event's tickets are taken. Those that are set aside for a code are not taken.
  local function is_taken(u, event, terms)
    local aside = codes.set_aside_of(u, event)
    for _, ticket in pairs(terms.tickets) do
      for _, name in ipairs(ticket.pools) do
        local pool = unit_pool(u, event, name)
        if pool.available + (aside[name] or 0) < pool.capacity then
          return true
        end
      end
    end
    return false
  end

  local function put_event(u, command)
    local event, terms, capacities = command[2], command[3], command[4]
    local before = unit_terms(u, event)
    if u.dropped[event] then
      return reply('again')
    end
    if before and terms[7] < before.version then
      return reply('published')
    end
    waitlists.release(u, event)
    for _, ticket in pairs(before and before.tickets or {}) do
      for _, name in ipairs(ticket.pools) do
        if not unit_pool(u, event, name) or (ticket.seating == 'assigned' and not maps.of(u, event, name)) then
          damaged('no pool ' .. event_field(u, event, name)) -- a new one would forget its taken places
        end
      end
    end
    local packed = cmsgpack.pack(terms)
    local after = terms_decode(event, packed)
    if before and before.currency ~= after.currency then
      local refusal = is_taken(u, event, before) and reply('in_use', before.currency)
        or takings.refusal(u, event, 0, before.currency)
      if refusal then
        return refusal
      end
    end
    if before and cmsgpack.pack(before.schedule) ~= cmsgpack.pack(after.schedule) then
      for _, wanted in ipairs(slots.capacities(u, event, after, command[6])) do
        table.insert(capacities, wanted)
      end
    end
    for _, wanted in ipairs(capacities) do
      local pool = unit_pool(u, event, wanted[1])
      local taken = pool and pool.capacity - pool.available or 0
      if wanted[2] < taken then
        return reply('below_taken', wanted[1], wanted[2], taken)
      end
    end
    for _, wanted in ipairs(capacities) do
      unit_set_capacity(u, event, wanted[1], wanted[2])
    end
    for _, section in ipairs(command[5]) do
      local name, text = section[1], section[2]
      if not maps.of(u, event, name) then
        local map = maps.open(u.map_prefix .. u.digits[event] .. ':' .. name, text)
        map.new = true
        u.maps[event][name] = map
        u.changed_maps[map.key] = map
        local _, seats = string.gsub(text, SEAT_OF.available, '')
        unit_set_capacity(u, event, name, seats)
      end
    end
    u.terms[event] = after
    u.changed_terms[event] = packed
    waitlists.terms_changed(u, event)
    return reply('published')
  end

  commands.put_event = { run = put_event }
end
