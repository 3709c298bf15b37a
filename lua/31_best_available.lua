-- Choosing seats for who wants n of them and does not say which.
--
-- Best is: all side by side in one row, and the first such row in the order of the manifest. Within that row, a place that
-- leaves no seat alone between taken ones is preferred; then the first. Where no row has n together: as few groups as can
-- be, the largest blocks whole and the rest as above; or none, if they must be together.
-- Works on sections, whose seats it does not change, as 15_map.lua has them:
--   text, longest, from    the map's text; no block in it is longer; by length: no block of it begins before there
-- The latter two are what searches have learned, so that those of a call do not all begin at the beginning.

-- The section with these seats, in ascending order, taken.
local function section_without(section, seats)
  return { text = text_with(section.text, seats, SEAT_OF.held), longest = section.longest, from = {} }
end

-- Where the first `length` seats side by side begin in a section, or nil.
local function first_block(section, length)
  if length > section.longest then
    return nil
  end
  local from = section.from
  local at = string.find(section.text, string.rep(SEAT_OF.available, length), from[length] or from[length - 1] or 1, true)
  if at then
    from[length] = at
  else
    section.longest = length - 1
  end
  return at
end

-- The maximal block of available seats that has the seat at `at`: first and last.
local function block_around(text, at)
  local first, last = at, at
  while string.byte(text, first - 1) == 97 do -- 'a'; string.byte is nil before the beginning
    first = first - 1
  end
  while string.byte(text, last + 1) == 97 do
    last = last + 1
  end
  return first, last
end

-- Where n seats side by side stand best in a section: the first seat, or nil.
local function best_block(section, n)
  local at, text = first_block(section, n), section.text
  if not at then
    return nil
  end
  local row_end = string.find(text, '\n', at, true) or #text + 1
  local candidate = at
  while candidate and candidate < row_end do
    local first, last = block_around(text, candidate)
    if last - first + 1 ~= n + 1 then -- one seat more than wanted would be left alone
      return first
    end
    candidate = string.find(text, string.rep(SEAT_OF.available, n), last + 1, true)
  end
  return at
end

-- The length of the largest block in any of the sections, if it is at most `limit`. Goes over each once: where a block of some
-- length is first, there may be one of the next length, but not before.
local function largest_block(sections, limit)
  local length = 0
  for i = 1, #sections do
    while length < limit and first_block(sections[i], length + 1) do
      length = length + 1
    end
  end
  return length
end

local function add_seats(seats, first, length)
  for seat = first, first + length - 1 do
    seats[#seats + 1] = seat
  end
end

-- The seats of blocks of this length, where a section has none longer: of as many, from the first on, as fit into n.
local function whole_blocks(section, length, n)
  local seats, at = {}, first_block(section, length)
  while at and n - #seats >= length do
    add_seats(seats, at, length)
    at = string.find(section.text, string.rep(SEAT_OF.available, length), at + length, true)
  end
  return seats
end

-- The number of the first section that has n seats side by side, and where they stand best there; or nil.
local function best_place(sections, n)
  for i = 1, #sections do
    local first = best_block(sections[i], n)
    if first then
      return i, first
    end
  end
  return nil
end

-- Chooses n seats in the sections, which have that many and are in order of preference; `together` forbids groups.
-- Returns the choice, {{section's number, {seat...}}...}; or nil and the length of the largest block that there is.
local function best_available(sections, n, together)
  local choice, left, missing = {}, {}, n
  for i = 1, #sections do
    left[i] = sections[i]
  end
  local number, first = best_place(left, missing)
  while not number and missing > 0 do
    local length = largest_block(left, missing - 1)
    if together then
      return nil, length
    end
    if length == 0 then
      damaged('map of a section: it has fewer seats than its pool') -- without this the loop would never end
    end
    for i = 1, #left do
      local seats = whole_blocks(left[i], length, missing)
      if #seats > 0 then
        choice[#choice + 1] = { i, seats }
        left[i] = section_without(left[i], seats)
        missing = missing - #seats
      end
    end
    if missing > 0 then
      number, first = best_place(left, missing)
    end
  end
  if number then
    local seats = {}
    add_seats(seats, first, missing)
    choice[#choice + 1] = { number, seats }
  end
  return choice
end
