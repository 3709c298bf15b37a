-- Choosing seats for who wants n of them and does not say which.
--
-- Best is: all side by side in one row, and the first such row in the order of the manifest. Within that row, a place that
-- leaves no seat alone between taken ones is preferred; then the first. Where no row has n together: as few groups as can
-- be, the largest blocks whole and the rest as above; or none, if they must be together.
-- Works on texts of maps (10_codec.lua) and changes nothing.

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

-- Where n seats side by side stand best in a text: the first seat, or nil.
local function best_block(text, n)
  local together = string.rep(SEAT_OF.available, n)
  local at = string.find(text, together, 1, true)
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
    candidate = string.find(text, together, last + 1, true)
  end
  return at
end

-- The length of the largest block in any of the texts, if it is at most `limit`; where a block of some length is, there is
-- one of each smaller length, so the middle is tried first.
local function largest_block(texts, limit)
  local shortest, longest = 0, limit
  while shortest < longest do
    local middle = math.ceil((shortest + longest) / 2)
    local block, found = string.rep(SEAT_OF.available, middle), false
    for i = 1, #texts do
      found = found or string.find(texts[i], block, 1, true) ~= nil
    end
    if found then
      shortest = middle
    else
      longest = middle - 1
    end
  end
  return shortest
end

-- Chooses n seats in the texts, which have that many and are in order of preference; `together` forbids groups.
-- Returns the choice, {{text's number, {seat...}}...}; or nil and the length of the largest block that there is.
local function best_available(texts, n, together)
  local choice, missing, length = {}, n, n
  while missing > 0 do
    length = math.min(length, missing)
    local number, first
    for i = 1, #texts do
      first = best_block(texts[i], length)
      if first then
        number = i
        break
      end
    end
    if number then
      local seats = {}
      for i = 1, length do
        seats[i] = first + i - 1
      end
      choice[#choice + 1] = { number, seats }
      missing = missing - length
      if missing > 0 then
        texts[number] = text_with(texts[number], seats, SEAT_OF.held)
      end
    else
      length = largest_block(texts, length - 1)
      if together then
        return nil, length
      end
      if length == 0 then
        damaged('map of a section: it has fewer seats than its pool') -- without this the loop would never end
      end
    end
  end
  return choice
end
