-- Slots: the pools of timed events.
--
-- A slot is known by its local date and time, as the event's calendar shows it: it is the pool `slot:2027-09-12T13:30` of
-- its event. The command that takes a place names the instant of its start, by the rules of the day. It is kept with the
-- pool's counters: rules of time zones change, and the slot stays the same one.
--
-- It is made when a place of it is first taken, with the slot capacity of the event's terms. Some time after its start it is
-- purged with everything that belongs to it (65_purge_slots.lua):
--   slots    event/slot:<slot>                       by when it may go
--   purges   event/booking_id                        by when the booking goes: it reads `expired` from then on
--            rid/slot:<slot>/places/customer         by when a purchase no longer counts for max_per_customer
-- These instants are `booking_ms` after the slot's start; of `slots` the latest that was ever so. A booking that was
-- deleted leaves a string of its own, unbooked:<event>:<booking_id>, with a TTL.

local slots = {}
do
  local PREFIX = 'slot:'

  local function is_slot(name)
    return string.sub(name, 1, 5) == PREFIX
  end

  -- The days that a month adds to the day of the week (Sakamoto's method).
  local MONTHS = { 0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4 }

  -- The day of the week of a date like 2027-09-12: 1 Monday to 7 Sunday.
  local function weekday(date)
    local year, month, day = string.match(date, '^(%d+)-(%d+)-(%d+)$')
    year, month = tonumber(year), tonumber(month)
    if month < 3 then
      year = year - 1
    end
    local leaps = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    return (year + leaps + MONTHS[month] + tonumber(day) + 6) % 7 + 1
  end

  local function set_of(list)
    local set = {}
    for _, value in ipairs(list) do
      set[value] = true
    end
    return set
  end

  -- True if these terms, if any, are those of a timed event.
  function slots.has_any(terms)
    return terms and terms.schedule[1] > 0
  end

  -- True if the schedule of these terms has the slot. The caller checks times that the clocks skip.
  function slots.scheduled(terms, slot)
    if not slots.has_any(terms) then
      return false
    end
    terms.scheduled = terms.scheduled
      or { times = set_of(terms.schedule[2]), weekdays = set_of(terms.schedule[3]), closed = set_of(terms.schedule[4]) }
    local schedule, date, at = terms.scheduled, string.match(slot, '^(.+)T(.+)$')
    return schedule.times[at] and schedule.weekdays[weekday(date)] and not schedule.closed[date]
      and not schedule.closed[slot] or false
  end

  -- The places of a slot by these terms, taken or not.
  local function scheduled_capacity(terms, slot)
    return slots.scheduled(terms, slot) and terms.schedule[1] or 0
  end

  -- The pool of a slot, its name and its field; false for the pool if nothing was ever taken of the slot. What is in `pools`
  -- is in `slots`, too.
  local function known_slot(u, event, slot)
    local name = PREFIX .. slot
    local field, pool = event_field(u, event, name), unit_pool(u, event, name)
    if not u.slots[field] then
      local until_ms = redis.call('ZSCORE', u.keys[KEY_SLOTS], field)
      if (pool and true or false) ~= (until_ms and true or false) or pool and not pool.start_ms then
        damaged('slot ' .. field)
      end
      u.slots[field] = true
    end
    return pool, name, field
  end

  -- The name of a slot's pool.
  function slots.pool_name(slot)
    return PREFIX .. slot
  end

  -- The pool of a slot that begins at this instant; made here, and written once something is taken, if nothing ever was.
  function slots.pool(u, event, slot, start_ms)
    local pool, name, field = known_slot(u, event, slot)
    if not pool then
      local capacity = scheduled_capacity(unit_terms(u, event), slot)
      pool = pool_new(field, capacity)
      u.pools[event][name] = pool
    end
    pool.start_ms, pool.until_ms = start_ms, start_ms + u.booking_ms
    return pool, name
  end

  -- True if the event has a pool of a slot: something of it was taken, and it is not purged.
  function slots.are_there(u, event)
    local prefix = u.digits[event] .. '/'
    for _, field in ipairs(redis.call('ZRANGE', u.keys[KEY_SLOTS], 0, -1)) do
      if string.sub(field, 1, #prefix) == prefix then
        return true
      end
    end
    return false
  end

  -- The counters of a slot: {slot, capacity, available, held, paying, sold, kept}.
  function slots.counts(u, event, slot)
    local pool = known_slot(u, event, slot)
    if not pool then
      local capacity = scheduled_capacity(unit_terms(u, event), slot)
      return { slot, capacity, capacity, 0, 0, 0, 0 }
    end
    return { slot, pool.capacity, pool.available, pool.held, pool.paying, pool.sold, pool.kept }
  end

  -- The pools of the event's slots that there are and that have not begun, in order. Looks at all such of the partition: for
  -- changes of the catalogue, which are rare.
  local function later_pools(u, event)
    for name, pool in pairs(u.pools[event]) do
      if pool and is_slot(name) and pool.until_ms and not u.changed_pools[pool.field] then
        u.pools[event][name] = nil -- perhaps made by a command of this call that was refused then
      end
    end
    local prefix = u.digits[event] .. '/'
    for _, field in ipairs(redis.call('ZRANGEBYSCORE', u.keys[KEY_SLOTS], '(' .. u.digits[u.now_ms], '+inf')) do
      if string.sub(field, 1, #prefix) == prefix and not unit_pool(u, event, string.sub(field, #prefix + 1)) then
        damaged('no pool ' .. field)
      end
    end
    local later = {}
    for name, pool in pairs(u.pools[event]) do
      if pool and is_slot(name) and pool.start_ms > u.now_ms then
        later[#later + 1] = { name = name, pool = pool }
      end
    end
    table.sort(later, function(one, other)
      return one.name < other.name
    end)
    return later
  end

  -- The capacities that slots which are there, and have not begun, have by other terms: {pool, capacity}...
  -- Those before the first date have none; that nobody takes others there is up to the caller. Where `keeps`, none is less
  -- than the places taken.
  function slots.capacities(u, event, terms, keeps)
    local capacities = {}
    for i, later in ipairs(later_pools(u, event)) do
      local slot = string.sub(later.name, #PREFIX + 1)
      local capacity = slot >= (terms.schedule[5] or '') and scheduled_capacity(terms, slot) or 0
      local taken = later.pool.capacity - later.pool.available
      capacities[i] = { later.name, keeps and math.max(capacity, taken) or capacity }
    end
    return capacities
  end

  -- Moves a place of a slot between two of its pool's counters.
  local function move_place(u, pool, from, to)
    pool[from] = pool[from] - 1
    pool[to] = pool[to] + 1
    unit_change_pool(u, pool)
  end

  -- The refusal of a slot that cannot be had at all, or nil.
  function slots.refusal(u, terms, slot, start_ms)
    if not slots.scheduled(terms, slot) then
      return reply('slot_not_scheduled', slot)
    end
    return u.now_ms >= start_ms and reply('slot_past') or nil
  end

  -- Takes a place of a slot for a booking; or the refusal.
  function slots.take(u, event, slot, start_ms)
    local pool = slots.pool(u, event, slot, start_ms)
    if pool.available == 0 then
      return u.backlog and reply('again') or reply('slot_full', pool.capacity)
    end
    move_place(u, pool, 'available', 'sold')
    return nil
  end

  -- Frees a booking's place.
  function slots.free(u, b)
    local pool, _, field = known_slot(u, b.event, b.slot)
    move_place(u, pool or damaged('no pool ' .. field), 'sold', 'available')
  end

  -- Calls `each(member of purges, places, pool's name)` for each slot of which a record has places.
  local function each_visit(u, r, each)
    local places = {}
    for i = 1, #r.lines do
      local name = r.lines[i][LINE_POOL]
      if is_slot(name) then
        places[name] = (places[name] or 0) + r.lines[i][LINE_QUANTITY]
      end
    end
    for name, count in pairs(places) do
      each(r.rid .. '/' .. name .. '/' .. u.digits[count] .. '/' .. r.customer, count, name)
    end
  end

  -- By when a member of `purges` is to go, false if it is not there.
  local function purge_ms(u, member)
    local until_ms = u.purges[member]
    if until_ms == nil then
      until_ms = tonumber(redis.call('ZSCORE', u.keys[KEY_PURGES], member) or nil) or false
    end
    return until_ms
  end

  -- The places that a record has paid for count for its customer until their slots are purged. No slot goes before them: it
  -- stays as long as they, also where `booking_ms` was raised and nothing else of it changes.
  function slots.add_visits(u, r)
    each_visit(u, r, function(member, _, name)
      purge_ms(u, member)
      local pool = slots.pool(u, r.event, string.sub(name, #PREFIX + 1), unit_pool(u, r.event, name).start_ms)
      u.purges[member] = pool.until_ms
      unit_change_pool(u, pool)
    end)
  end

  -- Undoes that. Returns the number of places in slots that were not purged yet, and of places without a slot.
  function slots.remove_visits(u, r)
    local places = record_places(r)
    each_visit(u, r, function(member, count)
      if purge_ms(u, member) then
        u.purges[member] = false
      else
        places = places - count
      end
    end)
    return places
  end

  -- The same for a record that has lost some of its places: for those of slots that were not purged yet. Returns how many
  -- places count for its customer.
  function slots.add_visits_again(u, r)
    local there = slots.unpurged(u, r.event, r.lines)
    slots.add_visits(u, { rid = r.rid, event = r.event, customer = r.customer, lines = there })
    return record_places({ lines = there })
  end

  -- The lines whose pools still exist: slots that are long past were purged.
  function slots.unpurged(u, event, lines)
    local there = {}
    for i = 1, #lines do
      local name = lines[i][LINE_POOL]
      if not is_slot(name) or unit_pool(u, event, name) then
        there[#there + 1] = lines[i]
      end
    end
    return there
  end

  -- True if a slot in which a record has places has begun.
  function slots.record_is_past(u, r)
    for i = 1, #r.lines do
      local name = r.lines[i][LINE_POOL]
      local pool = is_slot(name) and unit_pool(u, r.event, name)
      if is_slot(name) and (not pool or u.now_ms >= pool.start_ms) then
        return true
      end
    end
    return false
  end
end
