-- Limits on how fast somebody asks, and on hoarding. All are settings that come with the call; 0: no such limit.
--
-- Of a customer of an event (`<event>/<customer>`) and of an address (`a:<address>`) a pace is remembered, a msgpack array:
--   {tat_ms, {when a hold ran out...}, {deadlines of live holds...}}
-- in the hash pace:<hour>, where hour counts the hours since 1970; it goes an hour after its own. What is not in the hash of
-- this hour is looked for in that of the last. So nothing here has to be tidied up, and nothing of it is stock: if it is
-- lost, somebody may go a little faster.
--
-- Speed is limited by GCRA, the generic cell rate algorithm (ITU-T I.371): each asking moves the theoretical arrival time by
-- the interval of the rate, and is refused while that time is further ahead than the burst allows. What it leaves is told
-- behind the last value of the result:
--   {{who, left, reset_ms}...}   who: customer or address; left: how many more may come at once;
--                                reset_ms: until as many as ever may, or until one may if none is left

-- A table and a block: Lua allows a file 200 local names, and this library is one file.
local limits = {}
do
  local PACE_HOUR_MS = 3600000

  local PACE_TAT, PACE_EXPIRIES, PACE_HOLDS = 1, 2, 3

  -- The beginning of a packed array, with a head that says one more.
  local LONGER_ONCE = {
    __index = function(heads, packed)
      heads[packed] = string.char(string.byte(packed) + 1) .. string.sub(packed, 2)
      return rawget(heads, packed)
    end,
  }

  -- Takes the limits of a call: msgpack {customer_every_ms, customer_burst, address_every_ms, address_burst, live_holds,
  -- expiries, cool_down_ms}, or nothing.
  function limits.open(u, prefix, packed)
    if not packed or packed == '' then
      return
    end
    local a = cmsgpack.unpack(packed)
    local hour = (u.now_ms - u.now_ms % PACE_HOUR_MS) / PACE_HOUR_MS
    u.limits = {
      customer_every_ms = a[1], customer_burst = a[2], address_every_ms = a[3], address_burst = a[4],
      live_holds = a[5], expiries = a[6], cool_down_ms = a[7],
      key = prefix .. 'pace:' .. u.digits[hour], key_before = prefix .. 'pace:' .. u.digits[hour - 1],
      paces = {}, changed = {},
      customers = {}, addresses = {}, -- of each command: the fields of who asks
      again = reply('again'),
      heads = setmetatable({}, LONGER_ONCE),
    }
  end

  -- Reads the paces of these fields at once, none of which was read before.
  function limits.load(u, fields)
    local known = u.limits
    if #fields == 0 then
      return
    end
    local stored = redis.call('HMGET', known.key, unpack(fields))
    local before = redis.call('HMGET', known.key_before, unpack(fields))
    for i = 1, #fields do
      local packed = stored[i] or before[i]
      known.paces[fields[i]] = packed and cmsgpack.unpack(packed) or { 0, {}, {} }
    end
  end

  local function limits_pace(u, field)
    if not u.limits.paces[field] then
      limits.load(u, { field })
    end
    return u.limits.paces[field]
  end

  -- The values of a list that are above `least`.
  local function above(list, least)
    local kept = {}
    for i = 1, #list do
      if list[i] > least then
        kept[#kept + 1] = list[i]
      end
    end
    return kept
  end

  -- For how many ms the pace must wait before it may ask; 0: it may.
  local function pace_wait_ms(u, pace, every_ms, burst)
    return every_ms > 0 and math.max(0, pace[PACE_TAT] - every_ms * (burst - 1) - u.now_ms) or 0
  end

  -- Moves the pace of who has asked, and packs what that leaves.
  local function pace_told(u, field, who, every_ms, burst, asked)
    local pace = u.limits.paces[field]
    if asked then
      pace[PACE_TAT] = math.max(pace[PACE_TAT], u.now_ms) + every_ms
      u.limits.changed[field] = true
    end
    local ahead_ms = math.max(0, pace[PACE_TAT] - u.now_ms)
    local left = math.max(0, burst - math.ceil(ahead_ms / every_ms))
    local reset_ms = left > 0 and ahead_ms or pace_wait_ms(u, pace, every_ms, burst)
    return ARRAY_HEADS[3] .. u.packed[who] .. u.packed[left] .. u.packed[reset_ms]
  end

  -- The refusal of somebody who asks too fast, or nil.
  --   {"rate_limited", who, retry_ms}   who: address or customer
  local function speed_refusal(u, customer, address)
    local known = u.limits
    local wait_ms = address and pace_wait_ms(u, known.paces[address], known.address_every_ms, known.address_burst) or 0
    if wait_ms > 0 then
      return reply('rate_limited', 'address', wait_ms)
    end
    wait_ms = customer and pace_wait_ms(u, known.paces[customer], known.customer_every_ms, known.customer_burst) or 0
    return wait_ms > 0 and reply('rate_limited', 'customer', wait_ms) or nil
  end

  -- The refusal of somebody who hoards, or nil.
  --   {"rate_limited", "expiries", retry_ms}   of too many holds nothing was bought
  --   {"too_many_holds", limit}                that many holds of this customer live, and it wants another one
  local function hoarding_refusal(u, customer, wants_another)
    local known, pace = u.limits, u.limits.paces[customer]
    if known.expiries > 0 then
      local recent = above(pace[PACE_EXPIRIES], u.now_ms - known.cool_down_ms)
      if #recent >= known.expiries then
        return reply('rate_limited', 'expiries', recent[#recent - known.expiries + 1] + known.cool_down_ms - u.now_ms)
      end
    end
    if wants_another and known.live_holds > 0 and #above(pace[PACE_HOLDS], u.now_ms) >= known.live_holds then
      return reply('too_many_holds', known.live_holds)
    end
    return nil
  end

  -- Runs a command that takes something, unless who asks is refused. It has asked once more then, whatever the result,
  -- but for two: one that is too fast moves nothing, and one that is sent again is asked once.
  -- Only holds are hoarded; a command on one that there is takes no further one.
  function limits.run(u, kind, command, number)
    local known = u.limits
    local customer, address = known.customers[number], known.addresses[number]
    local result, record = speed_refusal(u, customer, address), nil
    local asked = not result
    if asked then
      result = kind.names_reservation and hoarding_refusal(u, customer, not u.records[command[2]])
      if not result then
        result, record = kind.run(u, command, number)
        asked = result ~= known.again
      end
    end
    local told, n = '', 0
    if customer and known.customer_every_ms > 0 then
      told, n = pace_told(u, customer, 'customer', known.customer_every_ms, known.customer_burst, asked), 1
    end
    if address and known.address_every_ms > 0 then
      told, n = told .. pace_told(u, address, 'address', known.address_every_ms, known.address_burst, asked), n + 1
    end
    if n == 0 or result == known.again then
      return result, record
    end
    return known.heads[result], (record or '') .. ARRAY_HEADS[n] .. told
  end

  -- Remembers that a hold of this customer lives until its deadline.
  function limits.hold_began(u, event, customer, deadline_ms)
    if u.limits.live_holds > 0 then
      local field = u.digits[event] .. '/' .. customer
      local pace = limits_pace(u, field)
      pace[PACE_HOLDS] = above(pace[PACE_HOLDS], u.now_ms)
      table.insert(pace[PACE_HOLDS], deadline_ms)
      u.limits.changed[field] = true
    end
  end

  -- Remembers that a hold of this customer lives no more, and, if it ran out, when.
  function limits.hold_ended(u, r)
    local known = u.limits
    if known.live_holds == 0 and known.expiries == 0 then
      return
    end
    local field = u.digits[r.event] .. '/' .. r.customer
    local pace = limits_pace(u, field)
    for i, deadline_ms in ipairs(pace[PACE_HOLDS]) do
      if deadline_ms == r.deadline_ms then
        table.remove(pace[PACE_HOLDS], i)
        break
      end
    end
    if r.state == 'expired' and known.expiries > 0 then
      pace[PACE_EXPIRIES] = above(pace[PACE_EXPIRIES], u.now_ms - known.cool_down_ms)
      table.insert(pace[PACE_EXPIRIES], r.deadline_ms)
    end
    known.changed[field] = true
  end

  function limits.write(u)
    local known, stored = u.limits, {}
    for field in pairs(known.changed) do
      local n = #stored
      stored[n + 1], stored[n + 2] = field, cmsgpack.pack(known.paces[field])
    end
    for first = 1, #stored, 4000 do
      redis.call('HSET', known.key, unpack(stored, first, math.min(first + 3999, #stored)))
    end
    if #stored > 0 then
      redis.call('PEXPIRE', known.key, u.digits[2 * PACE_HOUR_MS])
    end
  end
end
