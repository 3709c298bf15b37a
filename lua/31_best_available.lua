-- Best available: choose n seats for a customer who does not name them, all side by side. Groups: 31_best_groups.lua.
--
-- The order of the manifest is the order of preference. Best is the first row in which n seats leave no single seat. There
-- they fill a block between taken seats, or leave two seats of it at least. In that row it is a block that they fill, else
-- the first. One customer alone gets a single seat. Where a seat must be left alone, it is in the first row.
-- Works on sections, whose seats it does not change, as 15_maps.lua has them:
--   text, longest, from    the map's text; no block in it is longer; by length: no block of it begins before there
-- The latter two are what searches have learned, so that those of a call do not all begin at the beginning.

local best = {}
do
  -- The characters of a map in which a block that n seats fill is searched: what is behind them is another row's anyway.
  local FAR = 8192

  -- The section with these seats, in ascending order, taken.
  function best.section_without(section, seats)
    return { text = maps.text_with(section.text, seats, SEAT_OF.held), longest = section.longest, from = {} }
  end

  -- The start of the first `length` seats side by side in a section, or nil.
  function best.first_block(section, length)
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

  -- The first block of just n seats between `at`, where a block begins, and `last`, where a row ends; or nil.
  local function exact_block(text, n, at, last)
    local found = string.find(string.sub(text, at, last), '%f[a]' .. string.rep(SEAT_OF.available, n) .. '%f[^a]')
    return found and at + found - 1
  end

  -- The end of the row that a place is in: that of its last seat.
  local function row_end(text, at)
    return (string.find(text, '\n', at, true) or #text + 1) - 1
  end

  -- The first n seats side by side in a section that leave none alone: where the first of them is, or nil.
  local function kind_block(section, n)
    local at = best.first_block(section, n)
    if not at then
      return nil
    end
    local text, roomy = section.text, best.first_block(section, n + 2)
    local last = row_end(text, math.min(roomy or at + FAR, at + FAR))
    return exact_block(text, n, at, last) or roomy
  end

  -- The first seat of a section that is alone, or nil.
  local function lone_seat(section)
    local at = best.first_block(section, 1)
    return at and exact_block(section.text, 1, at, row_end(section.text, at + FAR))
  end

  local function any_block(section, n)
    return best.first_block(section, n)
  end

  -- The number of the first section in which `look` finds n seats, and the first of them; or nil.
  local function first_found(sections, n, look)
    for i = 1, #sections do
      local first = look(sections[i], n)
      if first then
        return i, first
      end
    end
    return nil
  end

  -- The number of the section that has the best n seats side by side, and the first of them; or nil.
  local function best_place(sections, n)
    local number, first
    if n == 1 then
      number, first = first_found(sections, n, lone_seat)
    end
    if not number then
      number, first = first_found(sections, n, kind_block)
    end
    if not number then
      number, first = first_found(sections, n, any_block)
    end
    return number, first
  end

  -- The length of the largest block in any of the sections, if it is at most `limit`. Goes over each once: where a block of some
  -- length is first, there may be one of the next length, but not before.
  function best.largest_block(sections, limit)
    local length = 0
    for i = 1, #sections do
      while length < limit and best.first_block(sections[i], length + 1) do
        length = length + 1
      end
    end
    return length
  end

  -- Chooses n seats in the sections, which have that many and are in order of preference; `together` forbids groups.
  -- Returns the choice, {{section's number, {seat...}}...}; or nil and the length of the largest block that there is.
  function best.choose(sections, n, together)
    local number, first = best_place(sections, n)
    if number then
      local seats = {}
      for i = 1, n do
        seats[i] = first + i - 1
      end
      return { { number, seats } }
    end
    if together then
      return nil, best.largest_block(sections, n - 1)
    end
    return best.groups(sections, n)
  end
end
