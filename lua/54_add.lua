-- add: takes more places into a live hold, or makes the hold.
--
-- Command   {"add", rid, event_id, customer_id, details, item, hold_ms, address}; the last three as in hold
--           Of places that are all alike, the reservation then has `quantity` of the ticket, or of the ticket at that slot,
--           however many it had.
--           A seat that it has already stays; under another ticket it is then at that ticket's price.
-- Keys      events, pools, slots, seats:<event>:<pool>, customers, ledger, deadlines, hold:<rid>
-- Promise   All of it or nothing. The deadline of a live hold does not move. Again: the same answer.
-- Results   {"rate_limited", who, retry_ms}, {"too_many_holds", limit} as in hold
--           {"expired"}, {"payment_in_progress"}, {"already_paid"}, {"already_cancelled"}, {"not_held"}
--           {"unknown_pool", ticket_id}, {"sale_closed"}, {"not_on_sale_yet", opens_ms}, {"slot_past"},
--           {"limit_exceeded", limit, taken},
--           {"sold_out", ticket_id, available, largest_block}, {"seat_taken", {{pool, {seat...}}...}}, {"again"}
--                          as in hold
--           {"held", now_ms, replayed, record}
-- Facts     held where it makes the hold, else changed where anything did

-- What a reservation that is not held answers to whoever would change it.
local NOT_CHANGEABLE = {
  expired = 'expired',
  cancelled = 'already_cancelled',
  paying = 'payment_in_progress',
  paid = 'already_paid',
  refund_due = 'not_held',
  refunded = 'not_held',
}

-- The seats that are not in the other list.
local function seats_without(seats, others)
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
local function lines_without_seats(lines, name, seats)
  local rest = {}
  for _, line in ipairs(lines) do
    if line[LINE_POOL] == name and line[LINE_SEATS] then
      local kept = seats_without(line[LINE_SEATS], seats)
      if #kept > 0 then
        rest[#rest + 1] = { line[LINE_TICKET], name, #kept, line[LINE_UNIT_MINOR], kept }
      end
    else
      rest[#rest + 1] = line
    end
  end
  return rest
end

-- All seats of a pool that lines have.
local function seats_in_pool(lines, name)
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

-- Lines joined: one for each ticket and pool, seats in ascending order. Lines are replaced, never changed (record_pack).
local function lines_joined(lines, more)
  local joined, at = {}, {}
  for _, list in ipairs({ lines, more }) do
    for _, line in ipairs(list) do
      local key = line[LINE_TICKET] .. ' ' .. line[LINE_POOL] .. ' ' .. line[LINE_UNIT_MINOR]
      local before = joined[at[key]]
      if before and line[LINE_SEATS] then
        local seats = seats_in_pool({ before, line }, line[LINE_POOL])
        table.sort(seats)
        joined[at[key]] = { line[LINE_TICKET], line[LINE_POOL], #seats, line[LINE_UNIT_MINOR], seats }
      else
        at[key] = #joined + 1
        joined[at[key]] = line
      end
    end
  end
  return joined
end

-- Moves what a record holds to other lines. `gained` and `lost` are the lines of the difference.
local function change_lines(u, r, lines, gained, lost)
  unit_move(u, r.event, lost, 'held', 'available')
  unit_move(u, r.event, gained, 'available', 'held')
  local before = record_places(r)
  r.lines = lines
  unit_add_customer_places(u, r.event, r.customer, record_places(r) - before)
  unit_change(u, r)
  unit_fact(u, 'changed', r)
end

-- The lines that a record has after adding, what it gains and what it loses; or nil and the refusal.
local function lines_after_adding(u, r, terms, item)
  local ticket = terms.tickets[item[1]]
  if ticket.seating ~= 'assigned' then
    local wanted, lines, had = place_line(u, r.event, ticket, item), {}, 0
    for _, line in ipairs(r.lines) do
      if line[LINE_TICKET] == item[1] and line[LINE_POOL] == wanted[LINE_POOL] then
        had = had + line[LINE_QUANTITY]
      else
        lines[#lines + 1] = line
      end
    end
    lines[#lines + 1] = wanted
    local difference = item[2] - had
    local changed = { place_line(u, r.event, ticket, { item[1], math.abs(difference), item[3] }) }
    return lines, difference > 0 and changed or {}, difference < 0 and changed or {}
  end
  local asked = item
  if item[4] then
    asked = { item[1], item[2], item[3], seats_without(item[4], seats_in_pool(r.lines, item[3])) }
  end
  local gained, refusal = choose_lines(u, r.event, terms, { asked })
  if not gained then
    return nil, refusal
  end
  if not item[4] then
    return lines_joined(r.lines, gained), gained, {}
  end
  local all = { item[1], item[3], #item[4], ticket.unit_minor, item[4] }
  local lines = lines_joined(lines_without_seats(r.lines, item[3], item[4]), { all })
  return lines, #asked[4] > 0 and gained or {}, {}
end

local function add(u, command, number)
  local r, item = unit_record(u, command[2]), command[6]
  if not r then
    return hold(u, { 'hold', command[2], command[3], command[4], command[5], '', cjson.encode({ item }), command[7] }, number)
  end
  if r.state ~= 'held' then
    return reply(NOT_CHANGEABLE[r.state])
  end
  local terms = unit_terms(u, r.event)
  local refusal = sale_refusal(u, terms)
  if refusal then
    return refusal
  end
  refusal = item_refusal(u, terms.tickets[item[1]], item)
  if refusal then
    return refusal
  end
  local lines, gained, lost = lines_after_adding(u, r, terms, item)
  if not lines then
    return u.backlog and reply('again') or gained
  end
  local places = record_places({ lines = gained })
  local taken = unit_customer(u, r.event, r.customer)
  if places > 0 and taken + places > terms.max_per_customer then
    return u.backlog and reply('again') or reply('limit_exceeded', terms.max_per_customer, taken)
  end
  local line, available = unit_short_line(u, r.event, gained)
  if line then
    return u.backlog and reply('again') or reply('sold_out', line[LINE_TICKET], available, 0)
  end
  local unchanged = places == 0 and #lost == 0 and record_total({ lines = lines }) == record_total(r)
  if not unchanged then
    change_lines(u, r, lines, gained, lost)
  end
  return reply_record(u, 'held', r, unchanged)
end
