-- Changes of a live hold, for add, remove and others.

-- A reservation that ended so long ago that only Postgres has it: the record that a command brings, to be judged and not
-- written. Nil without one, and for a live one, which only this server decides about.
local function record_archived(rid, archived)
  local r = archived and record_decode(rid, cmsgpack.pack(archived)) or nil
  if r and r.state ~= 'held' and r.state ~= 'paying' then
    return r
  end
  return nil
end

local changes = {}
do
  -- The refusal of a change by a reservation that is not held.
  local NOT_CHANGEABLE = {
    expired = 'expired',
    cancelled = 'already_cancelled',
    paying = 'payment_in_progress',
    paid = 'already_paid',
    refund_due = 'not_held',
    refunded = 'not_held',
  }

  -- The refusal of a change to a reservation that is not held, or nil.
  function changes.refusal(r)
    return r.state ~= 'held' and reply(NOT_CHANGEABLE[r.state]) or nil
  end

  -- True if a line is of assigned seats. One that comes from Postgres has an empty list where it is not.
  function changes.has_seats(line)
    return line[LINE_SEATS] and #line[LINE_SEATS] > 0
  end

  -- The seats that are not in the other list.
  function changes.seats_without(seats, others)
    local there, rest = {}, {}
    for _, seat in ipairs(others) do
      there[seat] = true
    end
    for _, seat in ipairs(seats) do
      if not there[seat] then
        rest[#rest + 1] = seat
      end
    end
    return rest
  end

  -- The record's lines without these seats of a pool.
  function changes.lines_without_seats(lines, name, seats)
    local rest = {}
    for _, line in ipairs(lines) do
      if line[LINE_POOL] == name and line[LINE_SEATS] then
        local kept = changes.seats_without(line[LINE_SEATS], seats)
        if #kept > 0 then
          rest[#rest + 1] = line_like(line, #kept, kept)
        end
      else
        rest[#rest + 1] = line
      end
    end
    return rest
  end

  -- The lines of these seats of a pool, at the terms at which the record has them.
  function changes.lines_of_seats(lines, name, seats)
    local found = {}
    for _, line in ipairs(lines) do
      if line[LINE_POOL] == name and line[LINE_SEATS] then
        local same = changes.seats_without(line[LINE_SEATS], changes.seats_without(line[LINE_SEATS], seats))
        if #same > 0 then
          found[#found + 1] = line_like(line, #same, same)
        end
      end
    end
    return found
  end

  -- All seats of a pool that lines have.
  function changes.seats_in_pool(lines, name)
    local seats = {}
    for _, line in ipairs(lines) do
      if line[LINE_POOL] == name and line[LINE_SEATS] then
        for _, seat in ipairs(line[LINE_SEATS]) do
          seats[#seats + 1] = seat
        end
      end
    end
    return seats
  end

  -- Lines joined: one for each ticket, pool and price, seats in ascending order. Lines are replaced, never changed (record_pack).
  function changes.lines_joined(lines, more)
    local joined, at = {}, {}
    for _, list in ipairs({ lines, more }) do
      for _, line in ipairs(list) do
        local key = line[LINE_TICKET] .. ' ' .. line[LINE_POOL] .. ' ' .. line[LINE_UNIT_MINOR] .. ' ' .. (line[LINE_OFF_MINOR] or '')
        local before = joined[at[key]]
        if before and not changes.has_seats(line) then
          joined[at[key]] = line_like(line, before[LINE_QUANTITY] + line[LINE_QUANTITY])
        elseif before then
          local seats = changes.seats_in_pool({ before, line }, line[LINE_POOL])
          table.sort(seats)
          joined[at[key]] = line_like(line, #seats, seats)
        else
          at[key] = #joined + 1
          joined[at[key]] = line
        end
      end
    end
    return joined
  end

  -- The lines without that many places of a ticket that are all alike, and the lines of the removed places. Places that were
  -- taken last are removed first. `name`: only places of that pool; nil: of any.
  function changes.lines_without_places(lines, ticket_id, name, places)
    local rest, gone = {}, {}
    for i = #lines, 1, -1 do
      local line = lines[i]
      local is_one = line[LINE_TICKET] == ticket_id and (not name or line[LINE_POOL] == name) and not changes.has_seats(line)
      local less = is_one and math.min(places, line[LINE_QUANTITY]) or 0
      places = places - less
      if less > 0 then
        gone[#gone + 1] = line_like(line, less)
        line = line_like(line, line[LINE_QUANTITY] - less)
      end
      if line[LINE_QUANTITY] > 0 then
        table.insert(rest, 1, line)
      end
    end
    return rest, gone
  end

  -- True if one of the items asks for no more of its ticket than lines have. Items of places that are all alike are counted
  -- together. Best seats are always others.
  function changes.is_had(lines, items, item)
    local name, seats = item[3], item[4]
    if type(name) == 'boolean' then
      return false
    end
    local is_named, had, places = type(seats) == 'table', {}, 0
    local pool = is_named and name or name and slots.pool_name(name)
    for _, line in ipairs(lines) do
      if line[LINE_TICKET] == item[1] and (not pool or line[LINE_POOL] == pool) then
        had[#had + 1] = line
        places = places + line[LINE_QUANTITY]
      end
    end
    if is_named then
      return #changes.seats_without(seats, changes.seats_in_pool(had, name)) == 0
    end
    for _, other in ipairs(items) do
      places = places - (other[1] == item[1] and other[3] == name and other[2] or 0)
    end
    return places >= 0
  end

  -- The lines with the price that each place had before, where it had one.
  function changes.at_old_prices(lines, before)
    local priced, left = {}, {}
    for i, old in ipairs(before) do
      left[i] = old[LINE_QUANTITY]
    end
    for _, line in ipairs(lines) do
      local quantity, seats = line[LINE_QUANTITY], line[LINE_SEATS]
      for i, old in ipairs(before) do
        if old[LINE_TICKET] == line[LINE_TICKET] and old[LINE_POOL] == line[LINE_POOL] then
          if changes.has_seats(line) then
            local new = changes.seats_without(seats, old[LINE_SEATS])
            local same = changes.seats_without(seats, new)
            if #same > 0 then
              priced[#priced + 1] = line_like(old, #same, same)
            end
            seats = new
          else
            local same = math.min(quantity, left[i])
            if same > 0 then
              priced[#priced + 1] = line_like(old, same)
            end
            quantity, left[i] = quantity - same, left[i] - same
          end
        end
      end
      if changes.has_seats(line) then
        if #seats > 0 then
          priced[#priced + 1] = line_like(line, #seats, seats)
        end
      elseif quantity > 0 then
        priced[#priced + 1] = line_like(line, quantity)
      end
    end
    return changes.lines_joined({}, priced)
  end

  -- The lines of the items, chosen while the places of the record, which stand in `counter`, are free. Places that stay keep
  -- their old prices. Returns nil and the refusal if that is impossible. `entry`: the code that it names, while that is
  -- valid; then it applies to new places, too.
  function changes.choose(u, r, terms, items, entry, counter)
    record_move(u, r, r.lines, counter, 'available', true)
    local lines, refusal = sale.choose_lines(u, r.event, terms, items, entry)
    local known, priced = r.code and codes.at(u, r.event, r.code[1]), lines and changes.at_old_prices(lines, r.lines)
    if lines then
      local short, available = codes.short_line(u, r.event, known, known and priced or lines)
      if short then
        lines, refusal = nil, returns.sold_out(u, r.event, short[LINE_TICKET], { short[LINE_POOL] }, available, 0)
      end
    end
    record_move(u, r, r.lines, 'available', counter)
    refusal = refusal or known and codes.used_up(u, known, priced, r.lines, false)
    return not refusal and priced or nil, refusal
  end

  -- The places of lines that the other lines have not, as lines of the same pools, whatever their tickets are.
  function changes.places_beyond(lines, others)
    local beyond, left = {}, setmetatable({}, { __index = function() return 0 end })
    for _, other in ipairs(others) do
      if not changes.has_seats(other) then
        left[other[LINE_POOL]] = left[other[LINE_POOL]] + other[LINE_QUANTITY]
      end
    end
    for _, line in ipairs(lines) do
      local name, more = line[LINE_POOL], 0
      local seats = changes.has_seats(line)
        and changes.seats_without(line[LINE_SEATS], changes.seats_in_pool(others, name)) or nil
      if seats then
        more = #seats
      else
        more = math.max(0, line[LINE_QUANTITY] - left[name])
        left[name] = math.max(0, left[name] - line[LINE_QUANTITY])
      end
      if more > 0 then
        beyond[#beyond + 1] = line_like(line, more, seats)
      end
    end
    return beyond
  end

  -- Takes out of a hold what is left of it without these lines; with the last place it ends as cancelled. The result.
  function changes.take_out(u, r, rest, gone)
    if #rest == 0 then
      unit_give_back(u, r, 'held', 'cancelled')
      return reply_record(u, 'cancelled', r, false)
    end
    changes.apply(u, r, rest, {}, gone)
    return reply_record(u, 'held', r, false)
  end

  -- Moves what a record holds to other lines. `gained` and `lost` are the lines of the difference. A record that has nothing
  -- more under its code names none.
  function changes.apply(u, r, lines, gained, lost)
    if r.code then -- lines of places that stay may come under the code, or leave it
      codes.move(u, r, r.lines, 'held', 'available', true)
      codes.move(u, r, lines, 'available', 'held')
      unit_move(u, r.event, lost, 'available', 'available') -- seats that were lent are blocked again
    else
      unit_move(u, r.event, lost, 'held', 'available')
      unit_move(u, r.event, gained, 'available', 'held')
    end
    if r.code and not codes.any(lines) then
      codes.unname(u, r)
    end
    local before = record_places(r)
    r.lines = lines
    local more = record_places(r) - before
    unit_add_customer_places(u, r.event, r.customer, more)
    if u.hoards and more ~= 0 then
      hoarding.places_changed(u, r, more)
    end
    unit_change(u, r)
    unit_fact(u, 'changed', r)
    local in_room = unit_terms(u, r.event).room and r.digest ~= OFFER_DIGEST -- an offer counts for no pass
    if in_room and more < 0 then
      rooms.gave_back(u, r.event, r.customer, r.created_ms, -more)
    elseif in_room and more > 0 then
      rooms.took(u, r.event, r.customer, more)
    end
  end
end
