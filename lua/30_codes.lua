-- Codes: what opens tickets, makes them cheaper, or has places set aside.
--
-- A code is a pool. Its uses, its budget and the places that are set aside for it are taken in one step with the places.
-- They are given back with them. All of an event's codes are fields of one hash beside its stock:
--   codes:<event>   code -> `uses spent held paying sold kept free open|terms`; before the first use `|terms`
--                   uses     held, paying and paid reservations that name the code
--                   spent    what those pay less because of it, in minor units
--                   held...  places under the code, by the counter that they stand in
--                   free     places that are set aside and not taken; in the ticket's pool they are among those kept
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
  local STORED, UNUSED = '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)|(.*)$', '^|(.*)$'

  -- The end of an allotment that has none.
  codes.NEVER_MS = 9007199254740991

  local function key_of(u, event)
    return string.sub(u.keys[KEY_LEDGER], 1, -7) .. 'codes:' .. u.digits[event]
  end

  function codes.allotments_key(u)
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

  -- The metatable of a call's codes that are stored as `raw`, with all that an entry does not say itself; nil for a damaged text.
  -- A sale under codes reads each of them, and many are stored alike.
  local function alike_of(u, event, raw)
    local alike = u.codes_alike[event][raw]
    if not alike then
      local uses, spent, held, paying, sold, kept, free, open, packed = string.match(raw, STORED)
      if not uses then
        uses, spent, held, paying, sold, kept, free, open, packed = 0, 0, 0, 0, 0, 0, 0, 0, string.match(raw, UNUSED)
      end
      if not packed then
        return nil
      end
      alike = {
        __index = {
          event = event, packed = packed, terms = u.code_terms[packed], uses = tonumber(uses), spent = tonumber(spent),
          held = tonumber(held), paying = tonumber(paying), sold = tonumber(sold), kept = tonumber(kept), free = tonumber(free),
          open = tonumber(open),
        },
      }
      u.codes_alike[event][raw] = alike
    end
    return alike
  end

  -- A code in a call. What a hold changes is its own from the beginning.
  local function decode(u, event, code, raw)
    local alike = alike_of(u, event, raw)
    if not alike then
      damaged('code ' .. event_field(u, event, code))
    end
    local common = alike.__index
    local entry = { code = code, uses = common.uses, spent = common.spent, held = common.held, free = common.free }
    return setmetatable(entry, alike)
  end

  local function codes_of(u)
    if not u.codes then
      u.codes, u.code_terms, u.changed_allotments = setmetatable({}, TABLE_ONCE), setmetatable({}, TERMS_ONCE), {}
      u.changed_codes, u.wanted_codes = {}, setmetatable({}, TABLE_ONCE)
      u.codes_alike, u.stepped_codes = setmetatable({}, TABLE_ONCE), setmetatable({}, TABLE_ONCE)
    end
    return u.codes
  end
  codes.of = codes_of

  -- A code as it is known, whether it is valid or not; false if there is no such code. Before that it is known as text alone, or
  -- by its step (codes.step).
  function codes.at(u, event, code)
    local known = codes_of(u)[event]
    local entry = known[code]
    if entry == nil then
      entry = redis.call('HGET', key_of(u, event), code)
    end
    local raw = type(entry) == 'string' and entry or entry and entry.text
    if raw then
      entry = decode(u, event, code, raw)
    end
    known[code] = entry
    return entry
  end

  -- Notes that commands name codes: codes.load reads them with all others that are named.
  function codes.want(u, event, names)
    if #names == 0 then
      return
    end
    local known, wanted = codes_of(u)[event], u.wanted_codes[event]
    local n = #wanted
    for i = 1, #names do
      local name = names[i]
      if known[name] == nil then
        known[name] = false -- until it is read
        n = n + 1
        wanted[n] = name
      end
    end
  end

  -- Reads at once the codes that commands name, before anything else looks at them.
  function codes.load(u)
    for event, names in pairs(u.wanted_codes) do
      local known, stored = u.codes[event], #names > 0 and read_many('HMGET', key_of(u, event), names)
      for i = 1, #names do
        known[names[i]] = stored[i]
      end
      u.wanted_codes[event] = nil
    end
  end

  -- Marks the counters of a code as changed.
  function codes.change(u, entry)
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

  -- Gives a code these terms: what it is from now on. Its counters stay.
  function codes.put(u, event, code, packed)
    local entry = codes.at(u, event, code)
    if not entry then
      entry = decode(u, event, code, '|' .. packed)
      u.codes[event][code] = entry
    end
    entry.packed, entry.terms, entry.pool_name, entry.named = packed, u.code_terms[packed], nil, nil
    u.changed_codes[entry] = true
    return entry
  end

  -- A code as it is stored. Joined in one step: a sale under codes encodes each of them.
  local function encode(u, entry)
    local uses, spent, held, paying = entry.uses, entry.spent, entry.held, entry.paying
    local sold, kept, free, open = entry.sold, entry.kept, entry.free, entry.open
    if uses + spent + held + paying + sold + kept + free + open == 0 then
      return '|' .. entry.packed
    end
    local digits = u.digits
    return digits[uses] .. ' ' .. digits[spent] .. ' ' .. digits[held] .. ' ' .. digits[paying] .. ' ' .. digits[sold] .. ' '
      .. digits[kept] .. ' ' .. digits[free] .. ' ' .. digits[open] .. '|' .. entry.packed
  end

  -- The step of a code that is stored as `raw`: {text}, with one hold of a plan more. Codes that are stored alike share it, so
  -- none of them is decoded. False for a code that must be looked at: it is somebody's own, has other terms, or too little left.
  function codes.step(u, plan, event, raw)
    local alike = alike_of(u, event, raw)
    local before = alike and alike.__index
    if not before or before.terms ~= plan.code_terms or before.terms.customer ~= '' or codes.holds_left(plan, before) < 1 then
      return false
    end
    local after = setmetatable({}, alike)
    codes.count_alike(plan, after, 1)
    return { text = encode(u, after) }
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
      local until_ms = terms.until_ms > 0 and terms.until_ms or codes.NEVER_MS
      redis.call('ZADD', prefix .. 'allotments', string.format('%.0f', until_ms),
        string.format('%.0f/%s', values[1], values[2]))
    end
  end

  -- Removes the codes of an event that is gone.
  function codes.forget(u, event)
    redis.call('UNLINK', key_of(u, event))
  end

  -- Writes what changed of codes. Their keys were read, with their types, before. A code that changed after its step comes
  -- twice, and its later text counts.
  function codes.write(u)
    local stored = u.stepped_codes
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
      local key = codes.allotments_key(u)
      call_with('ZREM', key, from_allotments)
      call_with('ZADD', key, to_allotments)
      redis.call('HSET', u.keys[KEY_META], 'allotments_ms', codes.first_end(key))
    end
  end
end
