-- Maps of sections: which seats there are, and what each is.
--
-- A section's map is text: one character per seat, rows in the order of the manifest, a line break between rows. A seat
-- is known by its place in that text, from 1. Its pool has the same name. The changes of a call are kept beside the text,
-- and only those bytes are written. So a stadium's map is never copied for two seats.

local SEAT_OF = { available = 'a', held = 'h', paying = 'p', sold = 's', kept = 'k' }
local SEAT_BLOCKED = 'b'

-- Seats that were blocked when they were sold from there (`from_blocked` of hold). When they are given back they are blocked
-- again, not for sale; only while they are taken are they in the capacity of their pool.
local LENT_OF = { held = 'H', paying = 'P', sold = 'S', kept = 'K' }

-- The states of a seat, as a pattern.
local ANY_SEAT = '^[ahpskbHPSK]$'

local maps = {}
do
  -- A call of Redis costs more than to write so many bytes as they are.
  local NEAR = 200

  -- `lent`: places that are known to be lent.
  -- {key, text as stored, `now`: place -> seat where it was changed, `changes`: {seats, seat}... in order}
  -- `longest` and `from`: see 31_best_available.lua.
  function maps.open(key, text)
    return { key = key, text = text, now = {}, changes = {}, applied = 0, longest = #text, from = {} }
  end

  -- The map of the section that a pool of seats belongs to; false if there is none.
  function maps.of(u, event, name)
    local map = u.maps[event][name]
    if map == nil then
      local key = u.map_prefix .. u.digits[event] .. ':' .. name
      local text = redis.call('GET', key)
      map = text and maps.open(key, text)
      u.maps[event][name] = map
    end
    return map
  end

  -- Calls `each(first, last)` for the runs of neighbours among seats in ascending order.
  local function each_run(seats, each)
    local i = 1
    while i <= #seats do
      local first = seats[i]
      local last = first
      while seats[i + 1] == last + 1 do
        i, last = i + 1, last + 1
      end
      each(first, last)
      i = i + 1
    end
  end

  -- The text with these seats, in ascending order, set to `seat`.
  function maps.text_with(text, seats, seat)
    local parts, done = {}, 0
    each_run(seats, function(first, last)
      parts[#parts + 1] = string.sub(text, done + 1, first - 1)
      parts[#parts + 1] = string.rep(seat, last - first + 1)
      done = last
    end)
    parts[#parts + 1] = string.sub(text, done + 1)
    return table.concat(parts)
  end

  -- Brings the map's text up to date.
  function maps.apply(map)
    for i = map.applied + 1, #map.changes do
      map.text = maps.text_with(map.text, map.changes[i][1], map.changes[i][2])
    end
    map.applied = #map.changes
    return map
  end

  -- The seats in another state than `seat`.
  function maps.seats_other_than(map, seats, seat)
    local others, now, text = {}, map.now, map.text
    for i = 1, #seats do
      local place = seats[i]
      local found = now[place] or string.sub(text, place, place)
      if found ~= seat then
        if not string.find(found, ANY_SEAT) then
          damaged('map ' .. map.key)
        end
        others[#others + 1] = place
      end
    end
    return others
  end

  function maps.set_seats(u, map, seats, seat)
    for i = 1, #seats do
      map.now[seats[i]] = seat
    end
    if seat == SEAT_OF.available then -- what searches have learned is true for as long as seats are only taken
      map.longest, map.from = #map.text, {}
    end
    map.changes[#map.changes + 1] = { seats, seat }
    u.changed_maps[map.key] = map
  end

  -- True if all these seats are lent, and in this state. Remembers that they are.
  function maps.are_lent(map, seats, state)
    map.lent = map.lent or {}
    for i = 1, #seats do
      local place = seats[i]
      if (map.now[place] or string.sub(map.text, place, place)) ~= LENT_OF[state] then
        return false
      end
      map.lent[place] = true
    end
    return true
  end

  -- The seats, of these, that are known to be lent.
  function maps.lent_of(map, seats)
    local lent = {}
    for i = 1, map.lent and #seats or 0 do
      lent[#lent + 1] = map.lent[seats[i]] and seats[i] or nil
    end
    return lent
  end

  -- Writes what changed of a map, neighbours together; all of it where it is new.
  function maps.write(key, map)
    if map.new then
      redis.call('SET', key, maps.apply(map).text)
      return
    end
    local now, text, places, parts = map.now, map.text, {}, {}
    for place in pairs(now) do
      places[#places + 1] = place
    end
    if not places[1] then
      return
    end
    table.sort(places)
    local first, last = places[1], places[1]
    for i = 1, #places do
      local place = places[i]
      if place > last + NEAR then
        redis.call('SETRANGE', key, first - 1, table.concat(parts))
        first, last, parts = place, place, {}
      end
      if place > last + 1 then
        parts[#parts + 1] = string.sub(text, last + 1, place - 1)
      end
      parts[#parts + 1], last = now[place], place
    end
    redis.call('SETRANGE', key, first - 1, table.concat(parts))
  end
end
