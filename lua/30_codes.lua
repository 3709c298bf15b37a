-- Codes: what opens tickets, makes them cheaper, or has places set aside.
--
-- A code is a pool: its uses, its budget and the places that are set aside for it are taken in the same step as the places,
-- and given back with them. All of an event's codes are fields of one hash beside its stock:
--   codes:<event>   code -> `uses spent held paying sold kept free open|terms`; before the first use `|terms`
--                   uses     held, paying and paid reservations that name the code
--                   spent    what those pay less because of it, in minor units
--                   held...  places under the code, by the counter that they stand in
--                   free     places that are set aside and nobody's; in the ticket's pool they are among those kept
--                   open     1 while places are set aside, else 0
--                   terms    a msgpack array, see codes.decode_terms
--   allotments      event/code -> until when places are set aside, ms: what is due goes back on sale with the next call,
--                   whatever it is about. `meta` has the first of these instants, `allotments_ms`, so that nobody looks
--                   where nothing can be due.
-- A reservation that names a code tells so in its record: {code, kind}. A line under the code has LINE_OFF_MINOR, by how much each
-- of its places is cheaper; a line without is at ordinary terms.

do
  -- The counters of a code, as they are stored.
  local COUNTERS = { 'uses', 'spent', 'held', 'paying', 'sold', 'kept', 'free', 'open' }
  local COUNTED = '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)$'

  -- The counters of places that count for a reservation which pays less.
  local OWNED = { held = true, paying = true, sold = true }

  -- The end of an allotment that has none.
  local NEVER_MS = 9007199254740991

  -- The number of allotments that a call ends at most.
  local ENDED_AT_ONCE = 500

  local function key_of(u, event)
    return string.sub(u.keys[KEY_LEDGER], 1, -7) .. 'codes:' .. u.digits[event]
  end

  local function allotments_key(u)
    return string.sub(u.keys[KEY_LEDGER], 1, -7) .. 'allotments'
  end

  -- The terms of a code: {kind, {ticket_id...}, max_uses, max_places, from_ms, until_ms, customer, form, amount, budget_minor,
  -- places, opens_ms, withdrawn}. No tickets: all of the event. 0: no limit, or no such instant; empty: anybody. `form`:
  -- percent, amount_off or price, and `amount` of it. `places`: set aside. `opens_ms`: when the sale opens for the code.
  function codes.decode_terms(packed)
    local a = cmsgpack.unpack(packed)
    if type(a) ~= 'table' or #a ~= 13 then
      damaged('terms of a code')
    end
    local tickets = nil
    for _, ticket_id in ipairs(a[2]) do
      tickets = tickets or {}
      tickets[ticket_id] = true
    end
    return {
      kind = a[1], ticket_ids = a[2], tickets = tickets, max_uses = a[3], max_places = a[4], from_ms = a[5],
      until_ms = a[6], customer = a[7], form = a[8], amount = a[9], budget_minor = a[10], places = a[11], opens_ms = a[12],
      withdrawn = a[13], prices = {},
    }
  end

  -- The codes of a call have most of their terms in common.
  local TERMS_ONCE = {
    __index = function(known, packed)
      known[packed] = codes.decode_terms(packed)
      return rawget(known, packed)
    end,
  }

  local function decode(u, event, code, raw)
    local bar = string.find(raw, '|', 1, true)
    if not bar then
      damaged('code ' .. event_field(u, event, code))
    end
    local packed = string.sub(raw, bar + 1)
    local entry = { event = event, code = code, packed = packed, terms = u.code_terms[packed] }
    if bar == 1 then
      for i = 1, #COUNTERS do
        entry[COUNTERS[i]] = 0
      end
      return entry
    end
    local counted = { string.match(string.sub(raw, 1, bar - 1), COUNTED) }
    for i = 1, #COUNTERS do
      entry[COUNTERS[i]] = tonumber(counted[i] or nil) or damaged('code ' .. event_field(u, event, code))
    end
    return entry
  end

  local function codes_of(u)
    if not u.codes then
      u.codes, u.code_terms, u.changed_allotments = setmetatable({}, TABLE_ONCE), setmetatable({}, TERMS_ONCE), {}
      u.changed_codes = {}
    end
    return u.codes
  end

  -- A code as it is known, whether it is valid or not; false if there is no such code.
  function codes.at(u, event, code)
    local known = codes_of(u)[event]
    local entry = known[code]
    if entry == nil then
      local raw = redis.call('HGET', key_of(u, event), code)
      entry = raw and decode(u, event, code, raw)
      known[code] = entry
    end
    return entry
  end

  local function change(u, entry)
    for i = 1, #COUNTERS do
      if entry[COUNTERS[i]] < 0 then
        damaged('counters of code ' .. event_field(u, entry.event, entry.code))
      end
    end
    u.changed_codes[entry] = true
  end

  -- The code that a customer names; or nil and the refusal, which is the same whatever is wrong with it.
  function codes.find(u, event, code, customer)
    local entry = codes.at(u, event, code)
    local terms = entry and entry.terms
    if not entry or terms.withdrawn or u.now_ms < terms.from_ms or terms.until_ms > 0 and u.now_ms >= terms.until_ms
      or terms.customer ~= '' and terms.customer ~= customer then
      return nil, reply('code_unknown')
    end
    return entry
  end

  -- True if a ticket is among those that a code is for. `entry` may be nil: no code.
  function codes.covers(entry, ticket_id)
    return entry and (not entry.terms.tickets or entry.terms.tickets[ticket_id]) or false
  end

  -- When the sale of an event opens for somebody with this code: of some of its tickets at least.
  function codes.first_opens_ms(entry, opens_ms)
    local own_ms = entry.terms.kind == 'access' and entry.terms.opens_ms or 0
    return own_ms > 0 and math.min(own_ms, opens_ms) or opens_ms
  end

  -- When the sale of a ticket opens that does so at `opens_ms` for those without this code.
  function codes.opens_ms(entry, ticket_id, opens_ms)
    local own_ms = entry and entry.terms.kind == 'access' and entry.terms.opens_ms or 0
    return own_ms > 0 and codes.covers(entry, ticket_id) and math.min(own_ms, opens_ms) or opens_ms
  end

  -- True if a code shows a ticket that is hidden from all others.
  function codes.shows(entry, ticket_id)
    return entry and entry.terms.kind == 'access' and codes.covers(entry, ticket_id)
  end

  -- The price of a place under a code, and by how much it is less than the price that is given.
  function codes.price(terms, unit_minor)
    local off = 0
    if terms.form == 'percent' then
      local rest = unit_minor % 100 -- so that no product is above what a number has digits for
      off = (unit_minor - rest) / 100 * terms.amount + math.floor(rest * terms.amount / 100)
    elseif terms.form == 'amount_off' then
      off = math.min(unit_minor, terms.amount)
    elseif terms.form == 'price' then
      off = math.max(0, unit_minor - terms.amount)
    end
    return unit_minor - off, off
  end

  -- The lines, under the code where it covers them.
  function codes.priced(entry, lines)
    local priced = {}
    for i, line in ipairs(lines) do
      if codes.covers(entry, line[LINE_TICKET]) then
        local unit_minor, off = codes.price(entry.terms, line[LINE_UNIT_MINOR])
        line = { line[LINE_TICKET], line[LINE_POOL], line[LINE_QUANTITY], unit_minor, line[LINE_SEATS] or {}, off }
      end
      priced[i] = line
    end
    return priced
  end

  -- The places of lines under a code, and by how much they are cheaper together.
  local function places_under(lines)
    local places, off = 0, 0
    for i = 1, #lines do
      local line_off = lines[i][LINE_OFF_MINOR]
      if line_off then
        places, off = places + lines[i][LINE_QUANTITY], off + lines[i][LINE_QUANTITY] * line_off
      end
    end
    return places, off
  end

  -- True if lines have places under a code.
  function codes.any(lines)
    return places_under(lines) > 0
  end

  -- The refusal of so many places of the code's tickets, or nil.
  function codes.places_refusal(entry, places)
    local most = entry.terms.max_places
    if places == 0 or most > 0 and places > most then
      return reply('code_not_applicable', places == 0 and 0 or most)
    end
    return nil
  end

  -- The refusal of more places under the code than one use may have, or nil.
  function codes.lines_refusal(entry, lines)
    local places = places_under(lines)
    return places > 0 and codes.places_refusal(entry, places) or nil
  end

  -- The same for items that are asked for with it.
  function codes.items_refusal(entry, items)
    local places = 0
    for i = 1, #items do
      places = places + (codes.covers(entry, items[i][1]) and items[i][2] or 0)
    end
    return codes.places_refusal(entry, places)
  end

  -- True if places of a pool are set aside for the code now.
  local function has_own(entry, name)
    return entry.open == 1 and entry.pool_name == name
  end

  -- The pool that an allotment's places are set aside in.
  local function pool_name(u, entry)
    if entry.pool_name == nil then
      local terms = unit_terms(u, entry.event)
      local ticket = terms and entry.terms.kind == 'allocation' and terms.tickets[entry.terms.ticket_ids[1]]
      entry.pool_name = ticket and ticket.seating == 'general' and ticket.pools[1] or false
    end
    return entry.pool_name
  end

  -- The refusal of lines under a code, or nil: of those that a reservation has (`had`, in counter `from`) it gives some up for
  -- `lines`. `is_new`: it does not count as a use yet.
  function codes.used_up(u, entry, lines, had, is_new)
    local terms = entry.terms
    local wanted, off = places_under(lines)
    local places, had_off = places_under(had)
    local refused = is_new and terms.max_uses > 0 and entry.uses >= terms.max_uses
      or terms.budget_minor > 0 and off > had_off and entry.spent - had_off + off > terms.budget_minor
      or terms.kind == 'allocation' and (entry.open == 0 and wanted > places or entry.open == 1 and wanted > entry.free + places)
    if not refused then
      return nil
    end
    return u.backlog and reply('again') or reply('code_used_up')
  end

  -- Moves places of a line between two counters of its pool.
  local function move_line(u, event, line, from, to)
    if from ~= to then
      unit_move(u, event, { line }, from, to)
    end
  end

  -- Moves places of lines of a record that names a code: as unit_move, and in the code. What was set aside for it comes from
  -- there, and goes back there as long as places are. Lines of slots that are long past move in the code alone.
  function codes.move(u, r, lines, from, to)
    local entry, allotted = codes.at(u, r.event, r.code[1]), r.code[2] == 'allocation'
    if not entry then
      unit_move(u, r.event, lines, from, to)
      return
    end
    pool_name(u, entry)
    for i = 1, #lines do
      local line = lines[i]
      local off, quantity = line[LINE_OFF_MINOR], line[LINE_QUANTITY]
      local own = off and allotted and has_own(entry, line[LINE_POOL])
      local there = unit_pool(u, r.event, line[LINE_POOL])
      if there then
        move_line(u, r.event, line, own and from == 'available' and 'kept' or from, own and to == 'available' and 'kept' or to)
      end
      if off then
        if own then
          entry.free = entry.free + (to == 'available' and quantity or 0) - (from == 'available' and quantity or 0)
        end
        if from ~= 'available' then
          entry[from] = entry[from] - quantity
        end
        if to ~= 'available' and (there or to ~= 'kept') then
          entry[to] = entry[to] + quantity
        end
        entry.spent = entry.spent + (OWNED[to] and off * quantity or 0) - (OWNED[from] and off * quantity or 0)
      end
    end
    change(u, entry)
  end

  -- Takes the places of lines, on which codes.used_up was asked, for a new hold that names the code. Returns nil; or the first
  -- unavailable line, and how many places its pool has.
  function codes.take(u, entry, lines)
    local short, available = codes.short_line(u, entry.event, entry, lines)
    if short then
      return short, available
    end
    entry.named = entry.named or { entry.code, entry.terms.kind }
    codes.move(u, { event = entry.event, code = entry.named }, lines, 'available', 'held')
    entry.uses = entry.uses + 1
    return nil
  end

  -- The refusal of an item for a reservation that names another code, or with a code that does not cover it, or nil.
  function codes.item_refusal(entry, r, item)
    if r.code and r.code[1] ~= entry.code or not codes.covers(entry, item[1]) then
      return reply('code_not_applicable', 0)
    end
    return nil
  end

  -- A live reservation names the code from now on: what it takes next may come under it.
  function codes.name(u, r, entry)
    entry.named = entry.named or { entry.code, entry.terms.kind }
    r.code = entry.named
    codes.count_use(u, r, 1)
  end

  -- True if a code opens the sale before everybody's: nobody is inside the waiting room by then.
  function codes.passes_room(u, terms, entry)
    return entry and u.now_ms < terms.opens_ms
  end

  -- Counts a use of the code that a record names, or one less.
  function codes.count_use(u, r, more)
    local entry = codes.at(u, r.event, r.code[1])
    if entry then
      entry.uses = entry.uses + more
      change(u, entry)
    end
  end

  -- The first line, of those of a hold, that is not to be had, and how many places its pool has: as unit_short_line, but for
  -- places that were set aside for the code, which codes.used_up judges.
  function codes.short_line(u, event, entry, lines)
    if not entry or entry.open == 0 then
      return unit_short_line(u, event, lines)
    end
    pool_name(u, entry)
    local others = {}
    for _, line in ipairs(lines) do
      if not (line[LINE_OFF_MINOR] and has_own(entry, line[LINE_POOL])) then
        others[#others + 1] = line
      end
    end
    return unit_short_line(u, event, others)
  end

  -- True if what was given back of a record cannot be taken again: its places, or the use and the budget of its code. Whether
  -- the code is still valid does not matter: its terms were promised.
  function codes.is_short(u, r)
    local entry = r.code and codes.at(u, r.event, r.code[1])
    local allotted = entry and r.code[2] == 'allocation' and entry.terms.kind == 'allocation' and entry.open == 1
    if codes.short_line(u, r.event, allotted and entry or nil, r.lines) then
      return true
    end
    if not entry then
      return false
    end
    local terms, places, off = entry.terms, places_under(r.lines)
    return terms.max_uses > 0 and entry.uses >= terms.max_uses
      or terms.budget_minor > 0 and off > 0 and entry.spent + off > terms.budget_minor
      or allotted and places > entry.free or false
  end

  -- Allotments

  local function note_allotment(u, entry, until_ms)
    u.changed_allotments[event_field(u, entry.event, entry.code)] = until_ms
  end

  -- Sets so many places aside for a code that nobody has; what it had and needs no more is on sale.
  function codes.set_aside(u, entry, free, open)
    local more = free - entry.free
    unit_terms(u, entry.event) -- somebody may wait for what returns
    if more ~= 0 then
      local pool = unit_pool(u, entry.event, pool_name(u, entry))
      pool.available, pool.kept = pool.available - more, pool.kept + more
      unit_change_pool(u, pool)
    end
    entry.free, entry.open = free, open and 1 or 0
    change(u, entry)
    note_allotment(u, entry, open and (entry.terms.until_ms > 0 and entry.terms.until_ms or NEVER_MS))
  end

  -- Ends the allotments that are due, a slice at most.
  function codes.end_due(u)
    codes_of(u)
    local due = redis.call('ZRANGEBYSCORE', allotments_key(u), '-inf', u.digits[u.now_ms], 'LIMIT', 0, ENDED_AT_ONCE)
    u.codes_due = true
    for _, field in ipairs(due) do
      local event, code = string.match(field, '^(%d+)/(.+)$')
      local entry = event and codes.at(u, tonumber(event), code)
      if entry then
        codes.set_aside(u, entry, 0, false)
      else
        u.changed_allotments[field] = false
      end
    end
  end

  -- Gives a code these terms: what it is from now on. Its counters stay.
  function codes.put(u, event, code, packed)
    local entry = codes.at(u, event, code)
    if not entry then
      entry = { event = event, code = code }
      for i = 1, #COUNTERS do
        entry[COUNTERS[i]] = 0
      end
      u.codes[event][code] = entry
    end
    entry.packed, entry.terms, entry.pool_name = packed, u.code_terms[packed], nil
    u.changed_codes[entry] = true
    return entry
  end

  local function encode(u, entry)
    local counted, used = {}, false
    for i = 1, #COUNTERS do
      local number = entry[COUNTERS[i]]
      counted[i], used = u.digits[number], used or number > 0
    end
    return (used and table.concat(counted, ' ') or '') .. '|' .. entry.packed
  end

  -- Calls `each(entry)` for the allotments of an event. Looks at all of the partition: for deletions, which are rare.
  local function each_allotment(u, event, each)
    local prefix = u.digits[event] .. '/'
    for _, field in ipairs(redis.call('ZRANGE', allotments_key(u), 0, -1)) do
      local entry = string.sub(field, 1, #prefix) == prefix and codes.at(u, event, string.sub(field, #prefix + 1))
      if entry then
        each(entry)
      end
    end
  end

  -- The places of an event that are set aside, by pool.
  function codes.set_aside_of(u, event)
    local places = {}
    each_allotment(u, event, function(entry)
      local name = pool_name(u, entry)
      if name then
        places[name] = (places[name] or 0) + entry.free
      end
    end)
    return places
  end

  -- Drops the codes of an event of which nothing was ever taken.
  function codes.drop(u, event)
    codes_of(u)
    each_allotment(u, event, function(entry)
      note_allotment(u, entry, false)
    end)
    for code in pairs(u.codes[event]) do
      u.changed_codes[u.codes[event][code]] = nil
      u.codes[event][code] = false
    end
  end

  -- Writes a code that was lost. `prefix`: of the partition's keys.
  function codes.restore(keys, prefix, values)
    local terms, counted, used = codes.decode_terms(cmsgpack.pack(values[3])), {}, values[11]
    for i = 1, #COUNTERS - 1 do
      counted[i], used = string.format('%.0f', values[i + 3]), used or values[i + 3] > 0
    end
    counted[#COUNTERS] = values[11] and '1' or '0'
    local text = (used and table.concat(counted, ' ') or '') .. '|' .. cmsgpack.pack(values[3])
    redis.call('HSET', string.format('%scodes:%.0f', prefix, values[1]), values[2], text)
    if values[11] then
      local until_ms = terms.until_ms > 0 and terms.until_ms or NEVER_MS
      redis.call('ZADD', prefix .. 'allotments', string.format('%.0f', until_ms),
        string.format('%.0f/%s', values[1], values[2]))
    end
  end

  -- When the first allotment ends, as `meta` tells it.
  function codes.first_end(key)
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return first[2] and string.format('%.0f', tonumber(first[2])) or '0'
  end

  -- Removes the codes of an event that is gone.
  function codes.forget(u, event)
    redis.call('UNLINK', key_of(u, event))
  end

  -- Writes what changed of codes. Their keys were read, with their types, before.
  function codes.write(u)
    local stored = setmetatable({}, TABLE_ONCE)
    for entry in pairs(u.changed_codes) do
      local pairs_of = stored[entry.event]
      local n = #pairs_of
      pairs_of[n + 1], pairs_of[n + 2] = entry.code, encode(u, entry)
    end
    for event, pairs_of in pairs(stored) do
      call_with('HSET', key_of(u, event), pairs_of)
    end
    local to_allotments, from_allotments = {}, {}
    for field, until_ms in pairs(u.changed_allotments) do
      if until_ms then
        local n = #to_allotments
        to_allotments[n + 1], to_allotments[n + 2] = u.digits[until_ms], field
      else
        from_allotments[#from_allotments + 1] = field
      end
    end
    if #to_allotments > 0 or #from_allotments > 0 or u.codes_due then
      local key = allotments_key(u)
      call_with('ZREM', key, from_allotments)
      call_with('ZADD', key, to_allotments)
      redis.call('HSET', u.keys[KEY_META], 'allotments_ms', codes.first_end(key))
    end
  end
end
