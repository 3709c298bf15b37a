-- put_event: publishes an event's terms of sale and the pools of its tickets, also under live sales.
--
-- Command   {"put_event", event_id, terms, {{pool, capacity}...}, {{pool, map}...}}
--           `terms` as in terms_decode; the maps of the sections whose seats are offered, as they are before the first hold
-- Keys      events, pools, slots, seats:<event>:<pool>
-- Promise   Terms of an older version than those that are there change nothing: they were overtaken on their way.
--           All of it or nothing. A pool that exists keeps what is taken of it; only what is available changes. A section
--           that is there keeps its map. Another slot capacity is that of slots, too, that are there and have not begun.
-- Results   {"below_taken", pool, capacity, taken}  the new capacity is less than what is held, paying and sold
--           {"published"}                           also when nothing changed
-- Facts     none: Postgres, which owns the catalogue, is where this came from

local function set_capacity(u, event, name, capacity)
  local pool = unit_pool(u, event, name)
  if not pool then
    pool = { field = event_field(u, event, name), capacity = 0, available = 0, held = 0, paying = 0, sold = 0 }
    u.pools[event][name] = pool
  end
  pool.available = pool.available + capacity - pool.capacity
  pool.capacity = capacity
  unit_change_pool(u, pool)
end

local function put_event(u, command)
  local event, terms, capacities = command[2], command[3], command[4]
  local before = unit_terms(u, event)
  if before and terms[7] < before.version then
    return reply('published')
  end
  for _, ticket in pairs(before and before.tickets or {}) do
    for _, name in ipairs(ticket.pools) do
      if not unit_pool(u, event, name) or (ticket.seating == 'assigned' and not unit_map(u, event, name)) then
        damaged('no pool ' .. event_field(u, event, name)) -- made anew it would forget what is taken of it
      end
    end
  end
  for _, name in ipairs(before and before.slot_capacity ~= (terms[8] or 0) and later_slots(u, event) or {}) do
    table.insert(capacities, { name, terms[8] or 0 })
  end
  for _, wanted in ipairs(capacities) do
    local pool = unit_pool(u, event, wanted[1])
    local taken = pool and pool.capacity - pool.available or 0
    if wanted[2] < taken then
      return reply('below_taken', wanted[1], wanted[2], taken)
    end
  end
  for _, wanted in ipairs(capacities) do
    set_capacity(u, event, wanted[1], wanted[2])
  end
  for _, section in ipairs(command[5]) do
    local name, text = section[1], section[2]
    if not unit_map(u, event, name) then
      local map = map_open(u.map_prefix .. u.digits[event] .. ':' .. name, text)
      map.new = true
      u.maps[event][name] = map
      u.changed_maps[map.key] = map
      local _, seats = string.gsub(text, SEAT_OF.available, '')
      set_capacity(u, event, name, seats)
    end
  end
  local packed = cmsgpack.pack(terms)
  u.terms[event] = terms_decode(event, packed)
  u.changed_terms[event] = packed
  return reply('published')
end
