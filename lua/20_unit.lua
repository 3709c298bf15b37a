-- The unit of work: what a call has read, what it changed, and how that is written.

local KEY_META, KEY_EVENTS, KEY_POOLS, KEY_LEDGER, KEY_DEADLINES, KEY_UNSETTLED, KEY_CUSTOMERS, KEY_OUTBOX,
  KEY_BOOKINGS, KEY_SLOTS, KEY_PURGES = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
local FIXED_KEYS = 11

-- The value of a hold key while its hold lives. Later the key has the archived record.
local HELD_MARK = 'held'

-- Whether the oldest holds have nothing in them, as a hold may whose seats were all removed.
local function oldest_holds_are_empty(keys)
  local rids = redis.call('ZRANGE', keys[KEY_DEADLINES], 0, 31)
  local stored = redis.call('HMGET', keys[KEY_LEDGER], unpack(rids))
  for i = 1, #rids do
    if not stored[i] or record_places(record_decode(rids[i], stored[i])) > 0 then
      return false
    end
  end
  return true
end

-- Raises if a key of the partition is missing, or of a wrong type: the write phase must not be able to fail, and an answer
-- from half of the keys would be wrong. Only what the keys' sizes tell is seen here; `onsale audit` sees more.
local function check_keys(keys)
  local records = redis.call('HLEN', keys[KEY_LEDGER])
  local deadlines, unsettled = redis.call('ZCARD', keys[KEY_DEADLINES]), redis.call('ZCARD', keys[KEY_UNSETTLED])
  local pools, customers = redis.call('HLEN', keys[KEY_POOLS]), redis.call('HLEN', keys[KEY_CUSTOMERS])
  local events = redis.call('HLEN', keys[KEY_EVENTS])
  redis.call('XLEN', keys[KEY_OUTBOX])
  if records ~= deadlines + unsettled then
    damaged(string.format('%d records, %d deadlines, %d unsettled', records, deadlines, unsettled))
  end
  local nobodys = deadlines > 0 and customers == 0 and not oldest_holds_are_empty(keys)
  if records > 0 and pools == 0 or pools > 0 and events == 0 or nobodys then
    damaged(string.format('%d records, %d pools, %d events, %d customers', records, pools, events, customers))
  end
end

-- Whether the server has MSETEX (Valkey 9.1, Redis 8.4), which sets many strings at a fraction of what a SET of each
-- costs; nil until it was asked, once.
local has_msetex

-- Opens a unit of work on a partition.
--   keys        KEYS of the call
--   slice       how much is given back, or purged, at most
--   archive_ms  how long a record that ended stays readable in Redis
--   booking_ms  how long after its slot's start a booking expires
-- Raises if the partition was never initialised or is damaged.
local function unit_open(keys, slice, archive_ms, booking_ms)
  local time = redis.call('TIME')
  local meta = redis.call('HMGET', keys[KEY_META], 'epoch', 'seq')
  if not meta[1] or not meta[2] then
    error("partition is not initialised; run 'onsale library install'", 0)
  end
  if not string.find(meta[1], '^%d+$') or not string.find(meta[2], '^%d+$') then
    damaged('meta')
  end
  check_keys(keys)
  if has_msetex == nil then
    has_msetex = redis.call('COMMAND', 'INFO', 'MSETEX')[1] and true or false
  end
  return {
    keys = keys,
    prefix = string.sub(keys[KEY_LEDGER], 1, -7) .. 'hold:',
    map_prefix = string.sub(keys[KEY_LEDGER], 1, -7) .. 'seats:',
    unbooked_prefix = string.sub(keys[KEY_LEDGER], 1, -7) .. 'unbooked:',
    slice = slice,
    archive_ms = archive_ms,
    booking_ms = booking_ms,
    now_ms = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000,
    epoch = meta[1],
    seq = tonumber(meta[2]),
    backlog = false, -- holds that ran out were left for the next call
    records = {}, -- rid -> record (see unit_record), or false: there is none
    new = { count = 0, ledger = {}, deadlines = {}, until_ms = {}, state_event = {}, lines_attempts = {} }, -- see unit_add_hold
    named_keys = {}, -- of each command: the hold key that it names
    named_customers = {}, -- of each command: the field of the customer that it names
    pools = setmetatable({}, TABLE_ONCE), -- event -> name -> pool, or false
    maps = setmetatable({}, TABLE_ONCE), -- event -> pool -> map of the section, or false
    customers = {}, -- field -> places
    terms = {}, -- event -> terms, or false
    bookings = {}, -- field -> booking, or false
    slots = {}, -- field -> true: its place in `slots` was checked
    purges = {}, -- member -> by when it goes, or false
    changed_records = {}, -- in order of their first change
    changed_pools = {},
    changed_maps = {}, -- key -> map
    changed_customers = {},
    changed_terms = {}, -- event -> packed terms
    changed_bookings = {}, -- field -> booking, or false: it is purged
    gone_pools = {}, -- fields of slots that are purged
    booking_facts = {}, -- packed
    facts = 0, -- how many
    fact_parts = { '' }, -- packed: the head of the array, which is known at the end, then four of each fact
    fact_heads = setmetatable({}, TABLE_ONCE), -- word -> length of an id -> what comes before the id
    reply_heads = setmetatable({}, TABLE_ONCE), -- whether repeated -> word -> what comes before the record
    packed = setmetatable({}, PACK_ONCE),
    heads = setmetatable({}, HEAD_ONCE),
    digits = setmetatable({}, DIGITS_ONCE),
  }
end

-- The field of a pool in `pools`, and of a customer in `customers`.
local function event_field(u, event, name)
  return u.digits[event] .. '/' .. name
end

-- The pool's counters, or false if there is no such pool.
local function unit_pool(u, event, name)
  local pool = u.pools[event][name]
  if pool == nil then
    local field = event_field(u, event, name)
    local raw = redis.call('HGET', u.keys[KEY_POOLS], field)
    pool = raw and pool_decode(field, raw)
    u.pools[event][name] = pool
  end
  return pool
end

-- Moves the seats of a line between two states; they are in the first, or the partition is damaged.
local function unit_move_seats(u, event, line, from, to)
  local map = unit_map(u, event, line[LINE_POOL])
  if not map or #seats_other_than(map, line[LINE_SEATS], SEAT_OF[from]) > 0 then
    damaged('seats of ' .. event_field(u, event, line[LINE_POOL]))
  end
  unit_set_seats(u, map, line[LINE_SEATS], SEAT_OF[to])
end

local function unit_change_pool(u, pool)
  if pool.available < 0 or pool.held < 0 or pool.paying < 0 or pool.sold < 0 then
    damaged('counters of pool ' .. pool.field)
  end
  u.changed_pools[pool.field] = pool
end

-- The pool of a line.
local function unit_line_pool(u, event, line)
  return u.pools[event][line[LINE_POOL]] or unit_pool(u, event, line[LINE_POOL])
    or damaged('no pool ' .. event_field(u, event, line[LINE_POOL]))
end

-- The first of the lines whose seats are not available, or for which its pool has too few places, counting all lines of
-- that pool, and how many the pool has; nil if all of them are to be had.
local function unit_short_line(u, event, lines)
  for i = 1, #lines do
    local line = lines[i]
    local pool, wanted = unit_line_pool(u, event, line), line[LINE_QUANTITY]
    for j = 1, i - 1 do
      if lines[j][LINE_POOL] == line[LINE_POOL] then
        wanted = wanted + lines[j][LINE_QUANTITY]
      end
    end
    local seats = line[LINE_SEATS]
    local gone = seats and #seats > 0 and #seats_other_than(unit_map(u, event, line[LINE_POOL]), seats, SEAT_OF.available)
    if wanted > pool.available or (gone and gone > 0) then
      return line, pool.available
    end
  end
  return nil
end

-- Moves places of all the lines between two counters of their pools (`available`, `held`, `paying`, `sold`).
local function unit_move(u, event, lines, from, to)
  for i = 1, #lines do
    local line = lines[i]
    local pool = unit_line_pool(u, event, line)
    pool[from] = pool[from] - line[LINE_QUANTITY]
    pool[to] = pool[to] + line[LINE_QUANTITY]
    unit_change_pool(u, pool)
    if line[LINE_SEATS] and #line[LINE_SEATS] > 0 then
      unit_move_seats(u, event, line, from, to)
    end
  end
end

-- Takes the places of the lines for a hold, all or none. Returns nil; or the first line that is not to be had, and how many
-- places its pool has.
local function unit_take(u, event, lines)
  local line = lines[1]
  if lines[2] or line[LINE_SEATS] then
    local short, available = unit_short_line(u, event, lines)
    if not short then
      unit_move(u, event, lines, 'available', 'held')
    end
    return short, available
  end
  -- One line without seats is most of what a drop asks for.
  local pool, wanted = unit_line_pool(u, event, line), line[LINE_QUANTITY]
  if wanted > pool.available then
    return line, pool.available
  end
  pool.available, pool.held = pool.available - wanted, pool.held + wanted
  unit_change_pool(u, pool)
  return nil
end

-- Places that the customer holds, pays for or has bought at the event; and the customer's field.
local function unit_customer(u, event, customer)
  local field = event_field(u, event, customer)
  local places = u.customers[field]
  if not places then
    places = tonumber(redis.call('HGET', u.keys[KEY_CUSTOMERS], field) or 0)
    if not places then
      damaged('places of customer ' .. field)
    end
    u.customers[field] = places
  end
  return places, field
end

local function unit_set_customer(u, field, places)
  if places < 0 then
    damaged('places of customer ' .. field)
  end
  u.customers[field] = places
  u.changed_customers[field] = true
end

local function unit_add_customer_places(u, event, customer, places)
  local before, field = unit_customer(u, event, customer)
  unit_set_customer(u, field, before + places)
end

-- The event's terms of sale, or false if it was never published.
local function unit_terms(u, event)
  local terms = u.terms[event]
  if terms == nil then
    local raw = redis.call('HGET', u.keys[KEY_EVENTS], u.digits[event])
    terms = raw and terms_decode(event, raw)
    u.terms[event] = terms
  end
  return terms
end

-- Marks the record as changed: its packed form is made anew, and unit_write stores it.
local function unit_change(u, r)
  r.packed = nil
  if not r.changed then
    r.changed = true
    u.changed_records[#u.changed_records + 1] = r
  end
end

-- Adds a fact: the word for what happened, and the whole record as it is now, so that a reader needs no other fact.
local function add_fact(u, word, rid, record)
  local heads, parts, n = u.fact_heads[word], u.fact_parts, 4 * u.facts + 1
  local head = heads[#rid]
  if not head then
    head = ARRAY_OF_4 .. u.packed[word] .. u.heads[#rid]
    heads[#rid] = head
  end
  parts[n + 1], parts[n + 2], parts[n + 3], parts[n + 4] = head, rid, u.packed[u.now_ms], record
  u.facts = u.facts + 1
end

local function unit_fact(u, word, r)
  add_fact(u, word, r.rid, record_pack(u, r))
end

-- What comes before the record in the result of a command on one: the word, the time of the answer, and whether it
-- repeats an earlier answer.
local function reply_head(u, word, replayed)
  local heads = u.reply_heads[replayed]
  heads[word] = heads[word] or ARRAY_OF_4 .. u.packed[word] .. u.packed[u.now_ms] .. u.packed[replayed]
  return heads[word]
end

-- The result of a command on a record that there is. In two parts: to join them here would copy the record once more.
local function reply_record(u, word, r, replayed)
  return reply_head(u, word, replayed), record_pack(u, r)
end

-- The places of a record go back on sale from counter `from`, and the record ends as `state` (cancelled or expired).
-- Running it twice is impossible: the record has left the state that it is called from.
local function unit_give_back(u, r, from, state)
  unit_move(u, r.event, r.lines, from, 'available')
  unit_add_customer_places(u, r.event, r.customer, -record_places(r))
  r.state = state
  r.ended_ms = u.now_ms
  unit_change(u, r)
  unit_fact(u, state, r)
  if u.limits then
    limits.hold_ended(u, r)
  end
end
