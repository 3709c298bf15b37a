-- E-tickets: one for each place that was paid for, and what gates did with them.
--
-- They are beside the stock of their event, so that a refund voids them, and a gate admits by them, in one step:
--   doors:<event>           hash: `next`, the number of the next e-ticket; `version`, of the last change
--   doors:<event>:etickets  hash: number -> e-ticket, see below
--   doors:<event>:of        hash: rid -> the numbers of its e-tickets
--   doors:<event>:changes   sorted set: number by the version of its last change, for the snapshots of gates
--   doors:<event>:scans     hash: gate and nonce -> what the scan was answered
-- None has a TTL: records go to the archive long before a show, and these are the memory of its doors.
--
-- E-tickets follow from records. At the end of a call, each changed record that was ever paid gets the e-tickets that its
-- lines lack. Those of places that it no longer has become void (etickets.follow). So commands that pay, refund, exchange or
-- end a reservation need to know nothing of them. Holds, which are not paid, cost nothing.

local etickets = {}
do
  -- Positions in an e-ticket. SEAT is the place in the map of the pool's section, 0 where there is none. ISSUE is
  -- raised by each transfer, whose request TRANSFER names. PASSES are {at_ms, direction, gate}... in order of time.
  local RID, TICKET, POOL, SEAT, ISSUE, STATE, HOLDER, FIRST_IN_MS, CHANGED_MS, PASSES, TRANSFER =
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
  local VALUES = 11

  -- The numbers of an event are below it: a serial is event * 2^22 + number, which every double and JavaScript has exactly.
  local MOST = 4194304
  local MOST_ISSUE = 65535

  local SOLD_ONCE = { paid = true, refund_due = true, refunded = true }

  -- The order in which e-tickets of places that are all alike become void.
  local VOID_FIRST = { valid = 1, out = 2, ['in'] = 3 }

  local function key_of(u, event)
    return string.sub(u.keys[KEY_LEDGER], 1, -7) .. 'doors:' .. u.digits[event]
  end

  -- The doors of an event. All their keys are looked at before anything is written.
  local function doors_of(u, event)
    u.doors = u.doors or {}
    local doors = u.doors[event]
    if not doors then
      local key = key_of(u, event)
      local stored = redis.call('HMGET', key, 'next', 'version')
      doors = {
        event = event, key = key, next = tonumber(stored[1] or 0), version = tonumber(stored[2] or 0),
        etickets = {}, of = {}, scans = {}, changed = {}, changed_of = {}, changed_scans = {},
      }
      local count, versions = redis.call('HLEN', key .. ':etickets'), redis.call('ZCARD', key .. ':changes')
      redis.call('HLEN', key .. ':of')
      redis.call('HLEN', key .. ':scans')
      if not doors.next or not doors.version or count ~= doors.next or versions ~= doors.next then
        damaged('doors ' .. key)
      end
      u.doors[event] = doors
    end
    return doors
  end

  local function decode(doors, number, raw)
    local e = cmsgpack.unpack(raw)
    if type(e) ~= 'table' or #e ~= VALUES then
      damaged('e-ticket ' .. number .. ' of ' .. doors.key)
    end
    return e
  end

  -- Loads e-tickets that are there, each once.
  local function load(u, doors, numbers)
    local fields, wanted = {}, {}
    for _, number in ipairs(numbers) do
      if doors.etickets[number] == nil then
        wanted[#wanted + 1], fields[#fields + 1] = number, u.digits[number]
      end
    end
    local stored = #fields > 0 and read_many('HMGET', doors.key .. ':etickets', fields)
    for i, number in ipairs(wanted) do
      doors.etickets[number] = stored[i] and decode(doors, number, stored[i])
        or damaged('no e-ticket ' .. number .. ' of ' .. doors.key)
    end
  end

  -- The e-ticket of that number, or nil.
  local function at(u, doors, number)
    if number < 0 or number >= doors.next then
      return nil
    end
    load(u, doors, { number })
    return doors.etickets[number]
  end

  -- The numbers of a reservation's e-tickets.
  local function numbers_of(doors, rid)
    local numbers = doors.of[rid]
    if not numbers then
      local raw = redis.call('HGET', doors.key .. ':of', rid)
      numbers = raw and cmsgpack.unpack(raw) or {}
      doors.of[rid] = numbers
    end
    return numbers
  end

  -- Remembers that an e-ticket was changed, and tells it.
  local function change(u, doors, number, e, word)
    e[CHANGED_MS] = u.now_ms
    local packed = cmsgpack.pack(e)
    doors.etickets[number], doors.changed[number] = e, packed
    u.eticket_facts = u.eticket_facts or {}
    table.insert(u.eticket_facts, ARRAY_HEADS[5] .. u.packed[word] .. u.packed[u.now_ms] .. u.packed[doors.event]
      .. u.packed[number] .. packed)
  end

  -- A name for places that are all alike.
  local function place_name(ticket, pool, seat)
    return string.format('%.0f %s %.0f', ticket, pool, seat)
  end

  -- Calls `each(ticket, pool, seat, quantity)` for the places of a record.
  local function each_place(r, each)
    for _, line in ipairs(r.lines) do
      if changes.has_seats(line) then
        for _, seat in ipairs(line[LINE_SEATS]) do
          each(line[LINE_TICKET], line[LINE_POOL], seat, 1)
        end
      else
        each(line[LINE_TICKET], line[LINE_POOL], 0, line[LINE_QUANTITY])
      end
    end
  end

  local function make_void(u, doors, number)
    local e = doors.etickets[number]
    if e[STATE] ~= 'void' then
      e[STATE] = 'void'
      change(u, doors, number, e, 'voided')
    end
  end

  -- Makes the surplus e-tickets of places that are all alike void. Those with which nobody came in are
  -- made void first, and of these the newest.
  local function void_surplus(u, doors, numbers, surplus)
    table.sort(numbers, function(one, other)
      local first, second = VOID_FIRST[doors.etickets[one][STATE]], VOID_FIRST[doors.etickets[other][STATE]]
      if first ~= second then
        return first < second
      end
      return one > other
    end)
    for i = 1, surplus do
      make_void(u, doors, numbers[i])
    end
  end

  -- Issues so many e-tickets of places that are all alike.
  local function issue(u, doors, r, ticket, pool, seat, quantity)
    local numbers = doors.of[r.rid]
    for number = doors.next, math.min(doors.next + quantity, MOST) - 1 do
      numbers[#numbers + 1], doors.changed_of[r.rid] = number, true
      change(u, doors, number, { r.rid, ticket, pool, seat, 0, 'valid', r.details, 0, 0, {}, '' }, 'issued')
      doors.next = number + 1
    end
  end

  -- Makes the e-tickets of a paid record void that are of none of its places, and issues those that its places lack.
  local function match(u, doors, r)
    local wanted, live = {}, {}
    each_place(r, function(ticket, pool, seat, quantity)
      local name = place_name(ticket, pool, seat)
      wanted[name] = (wanted[name] or 0) + quantity
    end)
    for _, number in ipairs(doors.of[r.rid]) do
      local e = doors.etickets[number]
      if e[STATE] ~= 'void' then
        local name = place_name(e[TICKET], e[POOL], e[SEAT])
        live[name] = live[name] or {}
        table.insert(live[name], number)
      end
    end
    for name, there in pairs(live) do
      local surplus = #there - (wanted[name] or 0)
      if surplus > 0 then
        void_surplus(u, doors, there, surplus)
      end
      wanted[name] = -surplus
    end
    each_place(r, function(ticket, pool, seat)
      local name = place_name(ticket, pool, seat)
      issue(u, doors, r, ticket, pool, seat, wanted[name])
      wanted[name] = 0
    end)
  end

  -- Gives a record the e-tickets of its places, which are loaded. Again: changes nothing.
  local function follow(u, doors, r)
    local numbers = doors.of[r.rid]
    if r.state ~= 'paid' then
      for _, number in ipairs(numbers) do
        make_void(u, doors, number)
      end
    elseif #numbers > 0 then
      match(u, doors, r)
    else
      each_place(r, function(...)
        issue(u, doors, r, ...)
      end)
    end
  end

  -- Loads at once what there is of the e-tickets of these records, all of one event. One that comes from before its first
  -- payment has none.
  local function load_of(u, doors, records)
    local fields, numbers = {}, {}
    for _, r in ipairs(records) do
      if not doors.of[r.rid] and SOLD_ONCE[r.was] then
        fields[#fields + 1] = r.rid
      end
    end
    local stored = #fields > 0 and read_many('HMGET', doors.key .. ':of', fields)
    for i, rid in ipairs(fields) do
      doors.of[rid] = stored[i] and cmsgpack.unpack(stored[i]) or {}
    end
    for _, r in ipairs(records) do
      doors.of[r.rid] = doors.of[r.rid] or {}
      for _, number in ipairs(doors.of[r.rid]) do
        numbers[#numbers + 1] = number
      end
    end
    load(u, doors, numbers)
  end

  -- Gives these records the e-tickets of their places, as far as they were ever paid.
  local function follow_some(u, records)
    local by_event = {}
    for _, r in ipairs(records) do
      -- A record that was refunded before has nothing left to make void.
      if r.state == 'paid' or SOLD_ONCE[r.state] and r.was ~= 'refund_due' and r.was ~= 'refunded' then
        by_event[r.event] = by_event[r.event] or {}
        table.insert(by_event[r.event], r)
      end
    end
    for event, theirs in pairs(by_event) do
      local doors = doors_of(u, event)
      load_of(u, doors, theirs)
      for _, r in ipairs(theirs) do
        follow(u, doors, r)
      end
    end
  end

  -- Gives a record the e-tickets of its places, if it was ever paid. Again: changes nothing.
  function etickets.follow(u, r)
    follow_some(u, { r })
  end

  -- The same for all records that this call has changed so far; each once as it is now, however many scans come with them.
  function etickets.follow_all(u)
    local changed
    for i = 1, #u.changed_records do
      local r = u.changed_records[i]
      if SOLD_ONCE[r.state] and (not r.packed or r.followed ~= r.packed) then
        changed = changed or {}
        changed[#changed + 1] = r
        r.followed = r.packed
      end
    end
    if changed then
      follow_some(u, changed)
    end
  end

  -- The e-tickets of a reservation: {number, e-ticket}...
  function etickets.of(u, event, rid)
    local doors, listed = doors_of(u, event), {}
    local numbers = numbers_of(doors, rid)
    load(u, doors, numbers)
    for i, number in ipairs(numbers) do
      listed[i] = { number, doors.etickets[number] }
    end
    return listed
  end

  -- An e-ticket by its number, or nil.
  function etickets.find(u, event, number)
    return at(u, doors_of(u, event), number)
  end

  -- Takes the names of holders out of a reservation's e-tickets. True if there were any.
  function etickets.erase(u, event, rid, holder)
    local doors, any = doors_of(u, event), false
    local numbers = numbers_of(doors, rid)
    load(u, doors, numbers)
    for _, number in ipairs(numbers) do
      local e = doors.etickets[number]
      if e[HOLDER] ~= holder then
        e[HOLDER], any = holder, true
        change(u, doors, number, e, 'erased')
      end
    end
    return any
  end

  -- Gives an e-ticket another holder and the next issue, so that the code before is void. Returns nil, or the refusal.
  function etickets.transfer(u, event, number, holder, request_id)
    local doors = doors_of(u, event)
    local e = at(u, doors, number)
    if not e then
      return reply('not_found')
    end
    if e[TRANSFER] == request_id then
      return nil
    end
    if e[STATE] == 'void' or event_cancelled(u, event) then
      return reply('not_held')
    end
    if e[STATE] == 'in' or e[ISSUE] == MOST_ISSUE then
      return reply('in_use')
    end
    e[ISSUE], e[HOLDER], e[TRANSFER] = e[ISSUE] + 1, holder, request_id
    change(u, doors, number, e, 'transferred')
    return nil
  end

  -- An e-ticket as an answer keeps it: without the holder's name, passes and transfer.
  local function shown(e)
    return { e[RID], e[TICKET], e[POOL], e[SEAT], e[ISSUE], e[STATE], '', e[FIRST_IN_MS], e[CHANGED_MS], {}, '' }
  end

  -- Positions and functions that the other files about e-tickets use.
  etickets.RID, etickets.POOL, etickets.ISSUE, etickets.STATE = RID, POOL, ISSUE, STATE
  etickets.HOLDER, etickets.FIRST_IN_MS, etickets.PASSES = HOLDER, FIRST_IN_MS, PASSES
  etickets.CHANGED_MS = CHANGED_MS
  etickets.key_of, etickets.doors_of, etickets.at, etickets.change, etickets.shown = key_of, doors_of, at, change, shown
end
