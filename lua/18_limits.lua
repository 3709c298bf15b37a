-- Limits on how fast somebody asks, and on hoarding. They are in `meta`, where `onsale serve` publishes its settings.
-- So they are the same for all processes: `name=number` for each that limits (engine/limits.py), or `none`.
--
-- A customer of an event (`<event>/<customer>`) and an address (`a:<address>`) each have a pace, a msgpack array:
--   {tat_ms, {when a hold expired...}, {deadlines of live holds...}}
--
-- It is in the hash pace:<hour>, where hour counts the hours since 1970. The hash expires an hour after its own hour. A pace
-- that is not in the hash of this hour is looked for in that of the last. So nothing here has to be tidied up, and nothing
-- of it is stock: if it is lost, somebody may go a little faster.
--
-- An address of IPv6 comes as two networks with a space between, /64 and /48. Each has a pace; that of the wider one has
-- WIDER times the rate and the burst. So a client with 65,536 networks of /64 is limited too.
--
-- Speed is limited by GCRA, the generic cell rate algorithm (ITU-T I.371): each request moves the theoretical arrival time
-- by the interval of the rate. It is refused while that time is further ahead than the burst allows. The rest of the limit
-- stands behind the last value of the result:
--   {{who, left, reset_ms}...}   who: customer or address
--                                left: how many more requests may come at once
--                                reset_ms: until the full burst is possible, or until one request is if none is left

-- A table and a block: Lua allows a file 200 local names, and this library is one file.
local limits = {}
do
  local PACE_HOUR_MS = 3600000

  local WIDER = 16
  limits.WIDER = WIDER

  -- The text of who limits nothing.
  local NO_LIMITS = 'none'

  local PACE_TAT, PACE_EXPIRIES, PACE_HOLDS = 1, 2, 3

  -- The beginning of a packed array, with a head that says one more.
  local LONGER_ONCE = {
    __index = function(heads, packed)
      heads[packed] = string.char(string.byte(packed) + 1) .. string.sub(packed, 2)
      return rawget(heads, packed)
    end,
  }

  local LIST_ONCE = {
    __index = function(lists, value)
      lists[value] = { value }
      return rawget(lists, value)
    end,
  }

  -- The field of what is limited as one; for IPv6 the first of its two networks.
  local ADDRESS_ONCE = {
    __index = function(fields, address)
      local space = string.find(address, ' ', 1, true)
      fields[address] = 'a:' .. (space and string.sub(address, 1, space - 1) or address)
      if space then
        fields.wider[fields[address]] = 'a:' .. string.sub(address, space + 1)
      end
      return rawget(fields, address)
    end,
  }

  -- The numbers of the limits by name, 0 of what is not limited; of the text that came last, which is nearly always the same.
  local read_text, read_numbers
  local NUMBERS_ONCE = {
    __index = function()
      return 0
    end,
  }
  local function numbers_of(text)
    if text ~= read_text then
      local numbers = setmetatable({}, NUMBERS_ONCE)
      for name, number in string.gmatch(text, '([%l_]+)=(%d+)') do
        numbers[name] = tonumber(number)
      end
      read_text, read_numbers = text, numbers
    end
    return read_numbers
  end

  -- Opens the limits of a call: those that are published. `known`: those that the caller knows to be; where none are, they
  -- are published with this call. Empty: it publishes none, and learns none; nor is a caller of an older release, which
  -- sends others. Returns their numbers by name, or nil; and those in force if the caller must learn them.
  function limits.open(u, prefix, known)
    local speaks = known and string.find(known, '^%l')
    local text, numbers = u.published, nil
    if not text then
      text = speaks and known
      u.publishes = text
    end
    if text and text ~= NO_LIMITS then
      numbers = numbers_of(text)
      limits.begin(u, prefix, numbers)
    end
    return numbers, speaks and text ~= known and text or nil
  end

  function limits.begin(u, prefix, a)
    local hour = (u.now_ms - u.now_ms % PACE_HOUR_MS) / PACE_HOUR_MS
    u.limits = {
      customer_every_ms = a.customer_every_ms, customer_burst = a.customer_burst,
      address_every_ms = a.address_every_ms, address_burst = a.address_burst,
      live_holds = a.live_holds, expiries = a.expiries, cool_down_ms = a.cool_down_ms,
      payment_attempts = a.payment_attempts, payment_pause_ms = a.payment_pause_ms,
      key = prefix .. 'pace:' .. u.digits[hour], key_before = prefix .. 'pace:' .. u.digits[hour - 1],
      paces = {}, changed = {},
      wider_every_ms = a.address_every_ms > 0 and math.max(1, math.floor(a.address_every_ms / WIDER)) or 0,
      wider_burst = a.address_burst * WIDER,
      customers = {}, addresses = {}, wider = {}, -- of each command: the fields of the caller
      again = reply('again'),
      heads = setmetatable({}, LONGER_ONCE),
      first_holds = setmetatable({}, LIST_ONCE), -- deadline -> the list of it alone
      told = { customer = {}, address = {}, wider = {} }, -- arrival time -> what it leaves, packed
      wider_fields = {}, -- the field of a /64 -> that of its /48
    }
    u.limits.address_fields = setmetatable({ wider = u.limits.wider_fields }, ADDRESS_ONCE)
  end

  -- The list of those who have none. It is never changed, nor is any other list that several paces share.
  local NONE = {}

  -- The values of a list of its own that are above `least`: nearly always all of them.
  local function above(list, least)
    local count, last = #list, 0
    for i = 1, count do
      local value = list[i]
      if value > least then
        last = last + 1
        list[last] = value
      end
    end
    for i = last + 1, count do
      list[i] = nil
    end
    return last > 0 and list or NONE
  end

  -- A list with one more value: the list itself, unless it is the one that paces share.
  local function with(list, value, shared)
    if list == NONE or list == shared then
      list = { list[1] }
    end
    list[#list + 1] = value
    return list
  end

  -- A pace as it is at this instant: without what is forgotten, and without holds that have ended. What expires later than
  -- now did so before the clock went back. It is stored as of now, so that the cool-down passes from now on.
  local function pace_decode(u, field, packed)
    local pace, known = cmsgpack.unpack(packed), u.limits
    local expiries = above(pace[PACE_EXPIRIES], u.now_ms - known.cool_down_ms)
    for i = 1, #expiries do
      if expiries[i] > u.now_ms then
        expiries[i], known.changed[field] = u.now_ms, true
      end
    end
    pace[PACE_EXPIRIES] = expiries
    pace[PACE_HOLDS] = above(pace[PACE_HOLDS], u.now_ms)
    return pace
  end

  -- Reads the paces of these fields at once, none of which was read before.
  function limits.load(u, fields)
    local known = u.limits
    if #fields == 0 then
      return
    end
    if known.has_before == nil then
      known.has_before = redis.call('EXISTS', known.key_before) == 1
    end
    local stored = read_many('HMGET', known.key, fields)
    local before = known.has_before and read_many('HMGET', known.key_before, fields) or NONE
    for i = 1, #fields do
      local packed = stored[i] or before[i]
      known.paces[fields[i]] = packed and pace_decode(u, fields[i], packed) or { 0, NONE, NONE }
    end
  end

  local function limits_pace(u, field)
    if not u.limits.paces[field] then
      limits.load(u, { field })
    end
    return u.limits.paces[field]
  end

  -- The theoretical arrival time of a pace. No burst moves it further ahead than `burst` intervals, so one that is was stored
  -- before the clock went back: it is now.
  local function pace_tat_ms(u, pace, every_ms, burst)
    local tat_ms = pace[PACE_TAT]
    return tat_ms > u.now_ms + every_ms * burst and u.now_ms or tat_ms
  end

  -- The ms that the pace must wait before its next request; 0: none.
  local function pace_wait_ms(u, pace, every_ms, burst)
    return every_ms > 0 and math.max(0, pace_tat_ms(u, pace, every_ms, burst) - every_ms * (burst - 1) - u.now_ms) or 0
  end

  -- The number of further requests that may come at once.
  local function pace_left(u, pace, every_ms, burst)
    return math.max(0, burst - math.ceil(math.max(0, pace_tat_ms(u, pace, every_ms, burst) - u.now_ms) / every_ms))
  end

  -- Moves the pace of who has asked, and packs what that leaves. `kind`: customer, address or wider.
  local function pace_told(u, field, kind, every_ms, burst, asked)
    local pace = u.limits.paces[field]
    local tat_ms = pace_tat_ms(u, pace, every_ms, burst)
    if asked then
      tat_ms = math.max(tat_ms, u.now_ms) + every_ms
      pace[PACE_TAT], u.limits.changed[field] = tat_ms, true
    end
    local texts = u.limits.told[kind]
    local text = texts[tat_ms]
    if not text then
      local ahead_ms = math.max(0, tat_ms - u.now_ms)
      local left = pace_left(u, pace, every_ms, burst)
      local reset_ms = left > 0 and ahead_ms or pace_wait_ms(u, pace, every_ms, burst)
      text = ARRAY_HEADS[3] .. cmsgpack.pack(kind == 'customer' and kind or 'address', left, reset_ms)
      texts[tat_ms] = text
    end
    return text
  end

  -- Moves the paces of an address and of the network around it, if there is one; packs the one that leaves less.
  local function address_told(u, address, wider, asked)
    local known = u.limits
    local every_ms, burst = known.address_every_ms, known.address_burst
    local narrow_text = pace_told(u, address, 'address', every_ms, burst, asked)
    if not wider then
      return narrow_text
    end
    local wider_text = pace_told(u, wider, 'wider', known.wider_every_ms, known.wider_burst, asked)
    local narrow_pace, wider_pace = known.paces[address], known.paces[wider]
    local left = pace_left(u, narrow_pace, every_ms, burst)
    local wider_left = pace_left(u, wider_pace, known.wider_every_ms, known.wider_burst)
    local wait_ms = pace_wait_ms(u, narrow_pace, every_ms, burst)
    local wider_wait_ms = pace_wait_ms(u, wider_pace, known.wider_every_ms, known.wider_burst)
    return (wider_left < left or wider_left == left and wider_wait_ms > wait_ms) and wider_text or narrow_text
  end

  -- The refusal of a caller whose requests are too fast, or nil.
  --   {"rate_limited", who, retry_ms}   who: address or customer
  local function speed_refusal(u, customer, address, wider)
    local known = u.limits
    local wait_ms = address and pace_wait_ms(u, known.paces[address], known.address_every_ms, known.address_burst) or 0
    if wider then
      wait_ms = math.max(wait_ms, pace_wait_ms(u, known.paces[wider], known.wider_every_ms, known.wider_burst))
    end
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
    local recent = pace[PACE_EXPIRIES]
    if known.expiries > 0 and #recent >= known.expiries then
      return reply('rate_limited', 'expiries', recent[#recent - known.expiries + 1] + known.cool_down_ms - u.now_ms)
    end
    if wants_another and known.live_holds > 0 and #pace[PACE_HOLDS] >= known.live_holds then
      return reply('too_many_holds', known.live_holds)
    end
    return nil
  end

  -- Runs a command that takes something, unless the caller is refused. The attempt counts, whatever the result, with three
  -- exceptions. One that is too fast moves nothing, one that is sent again counts once, and none counts where memory is
  -- full.
  -- Only holds are hoarded; a command on one that there is takes no further one.
  -- Returns the result in up to three parts: to join them here would copy the record once more.
  function limits.run(u, kind, command, number)
    local known = u.limits
    local customer, address, wider = known.customers[number], known.addresses[number], known.wider[number]
    local result, record = speed_refusal(u, customer, address, wider), nil
    local asked = not result
    if asked then
      result = kind.names_reservation and hoarding_refusal(u, customer, not u.records[command[2]])
      if not result then
        result, record = kind.run(u, command, number)
        asked = result ~= known.again and not u.memory_full
      end
    end
    local told, n = '', 0
    if customer and known.customer_every_ms > 0 then
      told, n = pace_told(u, customer, 'customer', known.customer_every_ms, known.customer_burst, asked), 1
    end
    if address and known.address_every_ms > 0 then
      told, n = told .. address_told(u, address, wider, asked), n + 1
    end
    if n == 0 or result == known.again then
      return result, record
    end
    return known.heads[result], record, ARRAY_HEADS[n] .. told
  end

  -- The field of a record's customer.
  local function field_of(u, r)
    return u.digits[r.event] .. '/' .. r.customer
  end

  -- Remembers that a hold of this customer (a field of `customers`) lives until its deadline.
  function limits.hold_began(u, field, deadline_ms)
    if u.limits.live_holds > 0 then
      local pace = limits_pace(u, field)
      local holds, first_holds = pace[PACE_HOLDS], u.limits.first_holds
      pace[PACE_HOLDS] = holds == NONE and first_holds[deadline_ms] or with(holds, deadline_ms, rawget(first_holds, holds[1]))
      u.limits.changed[field] = true
    end
  end

  -- Remembers that a hold of this customer ends earlier than it would have.
  function limits.hold_moved(u, r, deadline_ms)
    if u.limits.live_holds > 0 then
      local field = field_of(u, r)
      local pace, found = limits_pace(u, field), false
      local moved = {} -- a list of its own: customers of one call may share theirs
      for i, other_ms in ipairs(pace[PACE_HOLDS]) do
        local is_it = not found and other_ms == r.deadline_ms
        moved[i], found = is_it and deadline_ms or other_ms, found or is_it
      end
      if found then
        pace[PACE_HOLDS], u.limits.changed[field] = moved, true
      end
    end
  end

  -- Remembers that a hold of this customer has ended, and when, if it expired.
  function limits.hold_ended(u, r)
    local known = u.limits
    if r.digest == OFFER_DIGEST or known.live_holds == 0 and known.expiries == 0 then
      return
    end
    local field = field_of(u, r)
    local pace = limits_pace(u, field)
    local lives = NONE
    for i, deadline_ms in ipairs(pace[PACE_HOLDS]) do
      if deadline_ms == r.deadline_ms then
        for j, other_ms in ipairs(pace[PACE_HOLDS]) do
          lives = j == i and lives or with(lives, other_ms)
        end
        pace[PACE_HOLDS] = lives
        break
      end
    end
    if r.state == 'expired' and known.expiries > 0 and r.deadline_ms > u.now_ms - known.cool_down_ms then
      pace[PACE_EXPIRIES] = with(pace[PACE_EXPIRIES], math.min(r.deadline_ms, u.now_ms))
    end
    known.changed[field] = true
  end

  -- Forgets that a hold of this customer expired: it was bought after all.
  function limits.forgive(u, r)
    if r.digest == OFFER_DIGEST or r.state ~= 'expired' or u.limits.expiries == 0 then
      return
    end
    local field = field_of(u, r)
    local pace, others, found = limits_pace(u, field), NONE, false
    for _, expired_ms in ipairs(pace[PACE_EXPIRIES]) do
      if not found and expired_ms == r.deadline_ms then
        found = true
      else
        others = with(others, expired_ms)
      end
    end
    if found then
      pace[PACE_EXPIRIES], u.limits.changed[field] = others, true
    end
  end

  function limits.write(u)
    local known, packed, stored, n = u.limits, u.packed, {}, 0
    for field in pairs(known.changed) do
      local pace = known.paces[field]
      local tat_ms, expiries, holds = pace[PACE_TAT], pace[PACE_EXPIRIES], pace[PACE_HOLDS]
      local shared = expiries == NONE and (holds == NONE or holds == rawget(known.first_holds, holds[1]))
      stored[n + 1], stored[n + 2] = field,
        shared and ARRAY_HEADS[3] .. packed[tat_ms] .. packed[expiries] .. packed[holds] or cmsgpack.pack(pace)
      n = n + 2
    end
    if n > 0 then
      call_with('HSET', known.key, stored)
      redis.call('PEXPIRE', known.key, u.digits[2 * PACE_HOUR_MS])
    end
  end
end
