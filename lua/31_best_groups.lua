-- Best available where no row has n seats side by side: groups, in as few neighbouring rows as can be.
--
-- In order of importance:
--   1. Nobody sits alone, unless the free seats leave no other way.
--   2. As few rows as possible, which follow one another in one section.
--   3. The first such rows.
--   4. As few groups as possible.
--   5. No seat is left alone.
-- Where no section has n seats in rows that follow one another, the groups are the largest blocks of all sections.
-- Of rows that have such blocks MOST_ROWS are looked at: the work is bounded, whatever the house.

do
  local MOST_ROWS = 200

  -- Counts a row in blocks that begin with `needle`, from the first of them on. Returns places, whether a block of them is of
  -- three or more, and where the first such block of a later row begins, or nil.
  local function row_counts(text, needle, at, to)
    local places, three = 0, false
    repeat
      local _, last = string.find(text, '^a+', at)
      places, three = places + last - at + 1, three or last > at + 1
      at = string.find(text, needle, last + 1, true)
    until not at or at > to
    return places, three, at
  end

  -- Shortens a window of rows from its beginning, as long as it has n places and can be divided. Changes the window.
  local function shorten(window, rows, n, even)
    while true do
      local first = rows[window.first]
      local threes = window.threes - (first.three and 1 or 0)
      if window.first == window.last or window.places - first.places < n or not even and threes == 0 then
        return
      end
      window.first, window.places, window.threes = window.first + 1, window.places - first.places, threes
    end
  end

  -- The beginning and the end of the row that `at` is in. `from`: where some row before it begins.
  local function row_around(text, from, at)
    local to = (string.find(text, '\n', from, true) or #text + 1) - 1
    while to < at do
      from = to + 2
      to = (string.find(text, '\n', from, true) or #text + 1) - 1
    end
    return from, to
  end

  -- The place at which a row begins.
  local function row_begin(text, at)
    while at > 1 and string.byte(text, at - 1) ~= 10 do -- '\n'
      at = at - 1
    end
    return at
  end

  -- The fewest successive rows of a section that have n places, at most `most`; the first of several. Returns {from, to},
  -- where they begin and end in the text, and how many they are; or nil. `budget.rows`: how many may be searched.
  local function fewest_rows(section, n, alone, most, budget)
    local text, rows, best_rows, needle = section.text, {}, nil, alone and 'a' or 'aa'
    local window = { first = 1, last = 0, places = 0, threes = 0 }
    local even = alone or n % 2 == 0
    local at = best.first_block(section, alone and 1 or 2)
    local from, to = at and row_begin(text, at)
    while at and budget.rows > 0 do
      budget.rows = budget.rows - 1
      from, to = row_around(text, from, at)
      local places, three, next_at = row_counts(text, needle, at, to)
      local before = rows[#rows]
      rows[#rows + 1] = { from = from, to = to, places = places, three = three }
      if not before or before.to + 2 ~= from then -- the rows between have none
        window = { first = #rows, last = #rows - 1, places = 0, threes = 0 }
      end
      window.last, window.places = #rows, window.places + places
      window.threes = window.threes + (three and 1 or 0)
      if window.places >= n and (even or window.threes > 0) then
        shorten(window, rows, n, even)
        local count = window.last - window.first + 1
        if count <= most then
          best_rows, most = { from = rows[window.first].from, to = to, count = count }, count - 1
        end
        if most == 0 then
          break
        end
      end
      at, from = next_at, to + 2
    end
    return best_rows
  end

  -- Adds the blocks of a section between two places of its text; those of single seats only if `alone`.
  local function add_blocks(blocks, number, text, from, to, alone)
    local part = string.sub(text, from, to)
    for first, behind in string.gmatch(part, '()a+()') do
      if alone or behind - first > 1 then
        local order = #blocks + 1
        blocks[order] = { number = number, first = from + first - 1, length = behind - first, order = order }
      end
    end
  end

  local function by_length(one, other)
    if one.length ~= other.length then
      return one.length > other.length
    end
    return one.order < other.order
  end

  -- Among blocks from `i` on, the best for `rest` seats: one that they fill, else the first that has two more at least. With
  -- `any`, else the first that has one more. Nil if there is none.
  local function best_fit(blocks, i, rest, any)
    local found
    for j = i, #blocks do
      local block = blocks[j]
      local rank = block.length == rest and 1 or block.length > rest + 1 and 2 or any and block.length == rest + 1 and 3 or nil
      if rank and (not found or rank < found.rank or rank == found.rank and block.order < found.block.order) then
        found = { rank = rank, block = block }
      end
    end
    return found and found.block
  end

  -- Lets one or more of those who sit in blocks that are taken whole (before `i`) sit with one who would sit alone.
  local function join_the_last(blocks, taken, i)
    for _, more in ipairs({ 2, 3, 1, 0 }) do
      local joining = more == 0 and 1 or more
      for j = i - 1, 1, -1 do
        local fit = blocks[j].length >= joining + 2 and best_fit(blocks, i, 1 + joining, more == 0)
        if fit then
          taken[blocks[j]] = blocks[j].length - joining
          taken[fit] = 1 + joining
          return true
        end
      end
    end
    return false
  end

  -- Divides n people among the blocks: the largest are filled, and the rest sits where it leaves no seat alone.
  local function divide(blocks, n)
    table.sort(blocks, by_length)
    local taken, i, rest = {}, 1, n
    while rest > 0 and blocks[i] and blocks[i].length <= rest do
      taken[blocks[i]] = blocks[i].length
      rest, i = rest - blocks[i].length, i + 1
    end
    if rest > 1 or rest == 1 and not join_the_last(blocks, taken, i) then
      taken[best_fit(blocks, i, rest, true)] = rest
    end
    local choice = {}
    for _, block in ipairs(blocks) do
      if taken[block] then
        local seats = {}
        for seat = 1, taken[block] do
          seats[seat] = block.first + seat - 1
        end
        choice[#choice + 1] = { block.number, seats }
      end
    end
    return choice
  end

  -- The largest blocks of all sections, until they have n seats and enough blocks to choose from. Nil if all blocks of
  -- `least` seats and more are too few.
  local function largest_blocks(sections, n, largest, least)
    local blocks, seats = {}, 0
    for length = largest, least, -1 do
      for number, section in ipairs(sections) do
        local at, block = best.first_block(section, length), string.rep(SEAT_OF.available, length)
        while at do
          local after = at + length
          if string.byte(section.text, at - 1) ~= 97 and string.byte(section.text, after) ~= 97 then
            if seats >= n + length then
              return blocks
            end
            local order = #blocks + 1
            blocks[order] = { number = number, first = at, length = length, order = order }
            seats = seats + length
          else
            after = after + #string.match(section.text, '^a*', after)
          end
          at = string.find(section.text, block, after, true)
        end
      end
    end
    return seats >= n and blocks or nil
  end

  -- The blocks of the fewest rows of one section that have n places; nil where no section has them.
  local function neighbouring_blocks(sections, n, alone)
    local most, found, where, budget = math.huge, nil, nil, { rows = MOST_ROWS }
    for number, section in ipairs(sections) do
      local rows = most > 0 and fewest_rows(section, n, alone, most, budget)
      if rows then
        found, where, most = rows, number, rows.count - 1
      end
    end
    if not found then
      return nil
    end
    local blocks = {}
    add_blocks(blocks, where, sections[where].text, found.from, found.to, alone)
    return blocks
  end

  -- The choice of n seats in groups, as best.choose returns it. There are n seats, and no n side by side.
  function best.groups(sections, n)
    local blocks
    local most = best.largest_block(sections, math.min(n - 1, 3)) -- how large it is altogether takes a look at every seat
    if most > 2 or most == 2 and n % 2 == 0 then
      blocks = neighbouring_blocks(sections, n, false)
        or largest_blocks(sections, n, best.largest_block(sections, n - 1), 2)
    end
    blocks = blocks or neighbouring_blocks(sections, n, true)
      or largest_blocks(sections, n, best.largest_block(sections, n - 1), 1)
    if not blocks then
      damaged('map of a section: it has fewer seats than its pool')
    end
    return divide(blocks, n)
  end
end
