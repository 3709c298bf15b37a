-- Maps of sections: which seats there are, and what each is.
--
-- A section's map is text: one character per seat, rows in the order of the manifest, a line break between rows. A seat
-- is known by its place in that text, from 1. Its pool has the same name. What a call changes is kept beside the text, and
-- only those bytes are written: a stadium's map is never copied for the sake of two seats.

local SEAT_OF = { available = 'a', held = 'h', paying = 'p', sold = 's' }
local SEAT_BLOCKED = 'b'

-- {key, text as stored, `now`: place -> seat where it was changed, `changes`: {seats, seat}... in order}
-- `longest` and `from`: see 31_best_available.lua.
local function map_open(key, text)
  return { key = key, text = text, now = {}, changes = {}, applied = 0, longest = #text, from = {} }
end

-- The map of the section that a pool of seats belongs to; false if there is none.
local function unit_map(u, event, name)
  local map = u.maps[event][name]
  if map == nil then
    local key = u.map_prefix .. u.digits[event] .. ':' .. name
    local text = redis.call('GET', key)
    map = text and map_open(key, text)
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
local function text_with(text, seats, seat)
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
local function map_apply(map)
  for i = map.applied + 1, #map.changes do
    map.text = text_with(map.text, map.changes[i][1], map.changes[i][2])
  end
  map.applied = #map.changes
  return map
end

-- What a seat may be, as a pattern.
local ANY_SEAT = '^[ahpsb]$'

-- Those of the seats that are not `seat`.
local function seats_other_than(map, seats, seat)
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

local function unit_set_seats(u, map, seats, seat)
  for i = 1, #seats do
    map.now[seats[i]] = seat
  end
  if seat == SEAT_OF.available then -- what searches have learned is true for as long as seats are only taken
    map.longest, map.from = #map.text, {}
  end
  map.changes[#map.changes + 1] = { seats, seat }
  u.changed_maps[map.key] = map
end

-- Writes what changed of a map; all of it where it is new.
local function write_map(key, map)
  if map.new then
    redis.call('SET', key, map_apply(map).text)
    return
  end
  for i = 1, #map.changes do
    local seats, seat = map.changes[i][1], map.changes[i][2]
    each_run(seats, function(first, last)
      redis.call('SETRANGE', key, first - 1, string.rep(seat, last - first + 1))
    end)
  end
end
