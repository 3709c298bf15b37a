-- Slots: the pools of timed events, and the bookings of their places.
--
-- A slot is the pool `t<start_ms>` of its event. It comes into being when a place of it is first taken, with the slot
-- capacity of the event's terms, and goes some time after its start with everything that is of it (61_purge_slots.lua):
--   slots    event/t<start_ms>                       by when it may go
--   purges   event/booking_id                        by when the booking goes: it reads `expired` from then on
--            rid/t<start_ms>/places/customer         by when what a customer has bought counts no more for max_per_customer
-- These instants are `booking_ms` after the slot's start; of `slots` the latest that was ever so. A booking that was
-- deleted leaves a string of its own, unbooked:<event>:<booking_id>, with a TTL.

-- Milliseconds of a slot's start, from its pool's name; nil for the name of another pool.
local function slot_start(name)
  return tonumber(string.match(name, '^t(%d+)$'))
end

-- The pool of a slot, its name and its field; false for the pool if nothing was ever taken of the slot. What is in `pools`
-- is in `slots`, too.
local function unit_known_slot(u, event, start_ms)
  local name = 't' .. u.digits[start_ms]
  local field, pool = event_field(u, event, name), unit_pool(u, event, name)
  if not u.slots[field] then
    local until_ms = redis.call('ZSCORE', u.keys[KEY_SLOTS], field)
    if (pool and true or false) ~= (until_ms and true or false) then
      damaged('slot ' .. field)
    end
    u.slots[field] = true
  end
  return pool, name, field
end

-- The pool of a slot; made here, and written once something is taken, if nothing ever was.
local function unit_slot(u, event, start_ms)
  local pool, name, field = unit_known_slot(u, event, start_ms)
  if not pool then
    local capacity = unit_terms(u, event).slot_capacity
    pool = { field = field, capacity = capacity, available = capacity, held = 0, paying = 0, sold = 0 }
    u.pools[event][name] = pool
  end
  pool.until_ms = start_ms + u.booking_ms
  return pool, name
end

-- The names of the event's slots that there are and that have not begun. Looks at all such of the partition: for changes
-- of the catalogue, which are rare.
local function later_slots(u, event)
  for name, pool in pairs(u.pools[event]) do
    if pool and slot_start(name) and pool.until_ms and not u.changed_pools[pool.field] then
      u.pools[event][name] = nil -- perhaps made by a command of this call that was refused then
    end
  end
  local names, prefix = {}, u.digits[event] .. '/'
  for name, pool in pairs(u.pools[event]) do
    local start_ms = slot_start(name)
    if pool and start_ms and start_ms > u.now_ms then
      names[name] = true
    end
  end
  for _, field in ipairs(redis.call('ZRANGEBYSCORE', u.keys[KEY_SLOTS], '(' .. u.digits[u.now_ms], '+inf')) do
    local name = string.sub(field, 1, #prefix) == prefix and string.sub(field, #prefix + 1)
    if name and slot_start(name) > u.now_ms then
      names[name] = unit_pool(u, event, name) and true or damaged('no pool ' .. field)
    end
  end
  local sorted = {}
  for name in pairs(names) do
    sorted[#sorted + 1] = name
  end
  table.sort(sorted)
  return sorted
end

-- Moves a place of a slot between two of its pool's counters.
local function move_place(u, pool, from, to)
  pool[from] = pool[from] - 1
  pool[to] = pool[to] + 1
  unit_change_pool(u, pool)
end

-- Takes a place of a slot for a booking; or the refusal.
local function take_place(u, event, start_ms)
  if u.now_ms >= start_ms then
    return reply('slot_past')
  end
  local pool = unit_slot(u, event, start_ms)
  if pool.available == 0 then
    return u.backlog and reply('again') or reply('slot_full', pool.capacity)
  end
  move_place(u, pool, 'available', 'sold')
  return nil
end

-- Frees a booking's place.
local function free_place(u, b)
  local pool, _, field = unit_known_slot(u, b.event, b.start_ms)
  move_place(u, pool or damaged('no pool ' .. field), 'sold', 'available')
end

-- A booking, from the msgpack array of its record.
local function booking_decode(field, a)
  if type(a) ~= 'table' or #a ~= 9 then
    damaged('booking ' .. field)
  end
  return {
    field = field, booking_id = a[1], event = a[2], start_ms = a[3], details = a[4], digest = a[5], created_ms = a[6],
    changed_ms = a[7], expires_ms = a[8], state = a[9],
  }
end

local function booking_pack(b)
  return cmsgpack.pack({
    b.booking_id, b.event, b.start_ms, b.details, b.digest, b.created_ms, b.changed_ms, b.expires_ms, b.state,
  })
end

-- Loads the bookings that commands name: {command, key of what it leaves when it is deleted}...
local function unit_load_bookings(u, named)
  local keys, wanted, left = u.keys, {}, {}
  for i = 1, #named do
    local field = event_field(u, named[i][1][2], named[i][1][3])
    if u.bookings[field] == nil then
      u.bookings[field] = false
      wanted[#wanted + 1], left[#left + 1] = field, named[i][2]
    end
  end
  if redis.call('HLEN', keys[KEY_BOOKINGS]) > redis.call('ZCARD', keys[KEY_PURGES]) then
    damaged('bookings without an end')
  end
  local stored = redis.call('HMGET', keys[KEY_BOOKINGS], unpack(wanted))
  local ends = redis.call('ZMSCORE', keys[KEY_PURGES], unpack(wanted))
  local there, marks = redis.call('EXISTS', unpack(left)), redis.call('MGET', unpack(left))
  for i, field in ipairs(wanted) do
    local b
    if stored[i] then
      b = booking_decode(field, cmsgpack.unpack(stored[i]))
    elseif marks[i] then
      local request_id, a = cmsgpack.unpack(marks[i])
      b = booking_decode(field, a)
      b.request_id = request_id
      b = u.now_ms < b.expires_ms and b -- in that millisecond the server may have removed it already
    end
    if tonumber(ends[i] or nil) ~= (stored[i] and b.expires_ms or nil) then
      damaged('end of booking ' .. field)
    end
    there = marks[i] and there - 1 or there
    u.bookings[field] = b or false
  end
  if there > 0 then -- MGET answers nil for a key of another type, which must not be written over
    damaged('a deleted booking is not a string')
  end
end

-- The booking that a command names, as it is in the state that can be changed; or nil and the refusal.
local function live_booking(u, command)
  local b = u.bookings[event_field(u, command[2], command[3])]
  if not b or b.state ~= 'booked' then
    return nil, reply('not_found')
  end
  if u.now_ms >= b.expires_ms then
    return nil, reply('booking_expired')
  end
  return b
end

-- Marks a booking as changed just now and adds a fact about it: the word for what happened, and the whole booking.
local function unit_change_booking(u, word, b)
  b.changed_ms = u.now_ms
  b.packed = booking_pack(b)
  u.bookings[b.field] = b
  u.changed_bookings[b.field] = b
  table.insert(u.booking_facts, ARRAY_HEADS[3] .. u.packed[word] .. u.packed[u.now_ms] .. b.packed)
end

-- The result of a command on a booking that there is.
local function reply_booking(u, word, b, replayed)
  local packed = u.packed
  return ARRAY_OF_4 .. packed[word] .. packed[u.now_ms] .. packed[replayed], b.packed or booking_pack(b)
end

-- Calls `each(member of purges, places, start_ms)` for each slot of which a record has places.
local function each_visit(u, r, each)
  local places = {}
  for i = 1, #r.lines do
    local name = r.lines[i][LINE_POOL]
    if slot_start(name) then
      places[name] = (places[name] or 0) + r.lines[i][LINE_QUANTITY]
    end
  end
  for name, count in pairs(places) do
    each(r.rid .. '/' .. name .. '/' .. u.digits[count] .. '/' .. r.customer, count, slot_start(name))
  end
end

-- By when a member of `purges` is to go, false if it is not there.
local function unit_purge_ms(u, member)
  local until_ms = u.purges[member]
  if until_ms == nil then
    until_ms = tonumber(redis.call('ZSCORE', u.keys[KEY_PURGES], member) or nil) or false
  end
  return until_ms
end

-- The places that a record has paid for count for its customer until their slots are purged.
local function unit_add_visits(u, r)
  each_visit(u, r, function(member, _, start_ms)
    unit_purge_ms(u, member)
    u.purges[member] = unit_slot(u, r.event, start_ms).until_ms
  end)
end

-- They do so no more. Returns how many there are of slots that were not purged yet, and of what is of no slot.
local function unit_remove_visits(u, r)
  local places = record_places(r)
  each_visit(u, r, function(member, count)
    if unit_purge_ms(u, member) then
      u.purges[member] = false
    else
      places = places - count
    end
  end)
  return places
end

-- The lines of a record whose pools are there: slots that are long past were purged.
local function lines_unpurged(u, r)
  local lines = {}
  for i = 1, #r.lines do
    local name = r.lines[i][LINE_POOL]
    if not slot_start(name) or unit_pool(u, r.event, name) then
      lines[#lines + 1] = r.lines[i]
    end
  end
  return lines
end

-- Whether a slot of which a record has places has begun.
local function record_is_past(u, r)
  for i = 1, #r.lines do
    local start_ms = slot_start(r.lines[i][LINE_POOL])
    if start_ms and u.now_ms >= start_ms then
      return true
    end
  end
  return false
end
