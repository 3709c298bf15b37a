-- The unit of work: what a call has read, what it changed, and how that is written.

local KEY_META, KEY_EVENTS, KEY_POOLS, KEY_LEDGER, KEY_DEADLINES, KEY_UNSETTLED, KEY_CUSTOMERS, KEY_OUTBOX,
  KEY_BOOKINGS, KEY_SLOTS, KEY_PURGES = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
local FIXED_KEYS = 11

-- Waiting rooms (34_rooms.lua): what gives places back tells them.
local rooms = {}

-- Waiting lists (37_waiting_lists.lua).
local waitlists = {}

-- Codes (30_codes.lua): they count the places that reservations have under them.
local codes = {}

-- The value of a hold key while its hold lives. Later the key has the archived record.
local HELD_MARK = 'held'

-- Raises if a key of the partition is missing, or of a wrong type. The write phase must not be able to fail, and an answer
-- from half of the keys would be wrong. Only the sizes of the keys are checked; `onsale audit` checks more. In two parts: what
-- the commands read between them need not be asked for again. Returns what the second part is told.
local function check_keys(keys)
  local records = redis.call('HLEN', keys[KEY_LEDGER])
  local deadlines, unsettled = redis.call('ZCARD', keys[KEY_DEADLINES]), redis.call('ZCARD', keys[KEY_UNSETTLED])
  if records ~= deadlines + unsettled then
    damaged(string.format('%d records, %d deadlines, %d unsettled', records, deadlines, unsettled))
  end
  local customers = redis.call('HLEN', keys[KEY_CUSTOMERS])
  if deadlines > 0 and customers == 0 then
    damaged(string.format('%d records, %d customers', records, customers))
  end
  return deadlines
end

-- The second part, before anything is written. XADD raises by itself, if there is something to tell.
local function check_keys_again(u, tells)
  local pools = u.has_pools or redis.call('HLEN', u.keys[KEY_POOLS]) > 0
  local events = u.has_events or redis.call('HLEN', u.keys[KEY_EVENTS]) > 0
  if not tells then
    redis.call('XLEN', u.keys[KEY_OUTBOX])
  end
  -- Without holds there may be no pools: slots are purged, whatever money of them is still to go back.
  if u.deadlines > 0 and not pools or pools and not events then
    damaged(string.format('%d deadlines, and %s', u.deadlines, pools and 'no events' or 'no pools'))
  end
end

-- True if the server has MSETEX (Valkey 9.1, Redis 8.4); nil before the first check. It sets many strings at a fraction of
-- the cost of single SETs. It is not used in a cluster. While a slot is moved (CLUSTER MIGRATESLOTS), Valkey 9.1.2 does not
-- send to the new node what a function sets by MSETEX. Nor does a node refuse it for keys that have left.
local has_msetex

-- The fence: where another server process wrote last, this unit of work begins a new epoch. `before` is the last entry that
-- was known then; the epoch's first entry names it, so that a reader can tell whether it knows others. Returns epoch,
-- sequence, before (false: there was no entry yet), and whether the epoch is new.
local function unit_fence(meta, now_ms)
  local epoch, seq, before = meta[1], tonumber(meta[2]), meta[4]
  if meta[3] == server_run_id() then
    return epoch, seq, before, false
  end
  if seq > 0 then
    before = epoch .. '-' .. meta[2]
  end
  return string.format('%.0f', math.max(now_ms, tonumber(epoch) + 1)), 0, before, true
end

-- Arrays that calls fill, one call after the other. An array that grows from nothing takes as long to grow as to fill, and is
-- garbage after the call. Behind what this call has put into one are values of earlier calls. So each has a count, as far as
-- which it is read. One that has become very long is not kept.
local kept_array
do
  local KEPT_LENGTH = 4096

  local arrays = {}

  function kept_array(name)
    local array = arrays[name]
    if not array or array[KEPT_LENGTH] then
      array = {}
      arrays[name] = array
    end
    return array
  end
end

-- Opens a unit of work on a partition.
--   keys        KEYS of the call
--   slice       how much is given back, or purged, at most
--   archive_ms  how long a record that ended stays readable in Redis
--   booking_ms  how long after its slot's start a booking expires
-- Raises if the partition was never initialised or is damaged.
local function unit_open(keys, slice, archive_ms, booking_ms)
  local time = redis.call('TIME')
  local meta = redis.call('HMGET', keys[KEY_META], 'epoch', 'seq', 'run_id', 'before', 'limits', 'allotments_ms')
  if not meta[1] or not meta[2] then
    error("partition is not initialised; run 'onsale library install'", 0)
  end
  if not string.find(meta[1], '^%d+$') or not string.find(meta[2], '^%d+$') then
    damaged('meta')
  end
  local deadlines = check_keys(keys)
  if has_msetex == nil then -- the first call of this library on this server
    collect_in_small_steps()
    has_msetex = not in_cluster() and redis.call('COMMAND', 'INFO', 'MSETEX')[1] and true or false
  end
  local now_ms = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000
  local epoch, seq, before, fenced = unit_fence(meta, now_ms)
  local prefix, pieces = string.sub(keys[KEY_LEDGER], 1, -7), kept_pieces()
  return {
    keys = keys,
    prefix = prefix .. 'hold:',
    map_prefix = prefix .. 'seats:',
    unbooked_prefix = prefix .. 'unbooked:',
    slice = slice,
    archive_ms = archive_ms,
    booking_ms = booking_ms,
    now_ms = now_ms,
    epoch = epoch,
    seq = seq,
    before = before,
    before_that = meta[4], -- as it was stored
    fenced = fenced,
    published = meta[5], -- the limits, or false: nobody has published any
    allotments_ms = tonumber(meta[6] or 0), -- when the first allotment ends (30_codes.lua), 0: none does
    deadlines = deadlines, -- how many there were
    has_pools = false, has_events = false, -- true once one was read
    backlog = false, -- expired holds or bookings were left for the next call
    records = {}, -- rid -> record (see unit_record), or false: there is none
    new = { -- see unit_add_hold; of each hold two values are in each of the first four
      count = 0, marks = kept_array('marks'), ledger = kept_array('ledger'), deadlines = kept_array('deadlines'),
      customers = kept_array('customers'), until_ms = {}, state_event = {}, rest = {},
    },
    named_keys = {}, -- of each command: the hold key that it names
    named_customers = {}, -- of each command: the field of the customer that it names
    pools = setmetatable({}, TABLE_ONCE), -- event -> name -> pool, or false
    maps = setmetatable({}, TABLE_ONCE), -- event -> pool -> map of the section, or false
    customers = {}, -- field -> places; false: read, and there is no count
    terms = {}, -- event -> terms, or false
    bookings = {}, -- field -> booking, or false
    slots = {}, -- field -> true: its place in `slots` was checked
    purges = {}, -- member -> by when it goes, or false
    changed_records = {}, -- in order of their first change
    changed_pools = {},
    changed_maps = {}, -- key -> map
    changed_customers = {},
    changed_terms = {}, -- event -> packed terms, or false: it is dropped
    dropped = {}, -- set of events: what is beside their stock is stored until the call ends
    changed_bookings = {}, -- field -> booking, or false: it is purged
    gone_pools = {}, -- fields of slots that are purged, and of what is dropped
    gone_maps = {}, -- keys
    booking_facts = {}, -- packed
    waiting_facts = {}, -- packed
    queue_facts = {}, -- packed
    returns = {}, -- event -> when the next hold expires (29_next_return.lua)
    acts = {}, -- packed: which facts and facts of bookings a command made, and on whose behalf it ran
    facts = 0, -- how many
    fact_parts = kept_array('facts'), -- packed: the head of the array, which is known at the end, then four of each fact
    fact_heads = pieces.fact_heads,
    reply_heads = setmetatable({}, TABLE_ONCE), -- whether repeated -> word -> what comes before the record
    packed = pieces.packed,
    heads = pieces.heads,
    digits = pieces.digits,
    event_prefixes = pieces.event_prefixes,
  }
end

-- The outbox position before this call: the id of its last entry.
local function unit_position(u)
  return u.epoch .. '-' .. u.digits[u.seq]
end

-- True if this call has no facts for the outbox so far.
local function unit_is_unchanged(u)
  return u.facts == 0 and #u.booking_facts == 0 and #u.waiting_facts == 0 and #u.queue_facts == 0
end

-- The field of a pool in `pools`, and of a customer in `customers`.
local function event_field(u, event, name)
  return u.event_prefixes[event] .. name
end

-- The pool's counters, or false if there is no such pool.
local function unit_pool(u, event, name)
  local pool = u.pools[event][name]
  if pool == nil then
    local field = event_field(u, event, name)
    local raw = redis.call('HGET', u.keys[KEY_POOLS], field)
    pool = raw and pool_decode(field, raw)
    u.pools[event][name], u.has_pools = pool, u.has_pools or raw
  end
  return pool
end

-- The event's terms of sale, or false if it was never published. They are read before places of the event move: only then
-- is it known whether somebody waits for those.
local function unit_terms(u, event)
  local terms = u.terms[event]
  if terms == nil then
    local raw = redis.call('HGET', u.keys[KEY_EVENTS], u.digits[event])
    terms = raw and terms_decode(event, raw)
    u.terms[event], u.has_events = terms, u.has_events or raw
    if terms and terms.waiting then
      waitlists.open(u, event)
    end
  end
  return terms
end

local function unit_change_pool(u, pool)
  if pool.available < 0 or pool.held < 0 or pool.paying < 0 or pool.sold < 0 or pool.kept < 0 then
    damaged('counters of pool ' .. pool.field)
  end
  u.changed_pools[pool.field] = pool
end

-- Gives a pool this capacity, on which it was decided; makes the pool if there is none.
local function unit_set_capacity(u, event, name, capacity)
  unit_terms(u, event)
  local pool = unit_pool(u, event, name)
  if not pool then
    pool = pool_new(event_field(u, event, name), 0)
    u.pools[event][name] = pool
  end
  pool.available = pool.available + capacity - pool.capacity
  pool.capacity = capacity
  unit_change_pool(u, pool)
end

-- Moves the seats of a line between two states; they are in the first, or the partition is damaged. Seats that are lent are
-- blocked again when they are given back, unless it is only for a moment (`lends`).
local function unit_move_seats(u, event, line, from, to, lends)
  local name, seats = line[LINE_POOL], line[LINE_SEATS]
  local map = maps.of(u, event, name)
  local others = map and maps.seats_other_than(map, seats, SEAT_OF[from])
  if not map or #others > 0 and not maps.are_lent(map, others, from) then
    damaged('seats of ' .. event_field(u, event, name))
  end
  maps.set_seats(u, map, seats, SEAT_OF[to])
  local lent = maps.lent_of(map, seats)
  if #lent > 0 and to ~= 'available' then
    maps.set_seats(u, map, lent, LENT_OF[to])
  elseif #lent > 0 and not lends then
    maps.set_seats(u, map, lent, SEAT_BLOCKED)
    unit_set_capacity(u, event, name, unit_pool(u, event, name).capacity - #lent)
    for i = 1, #lent do
      map.lent[lent[i]] = nil
    end
  end
end

-- The pool of a line.
local function unit_line_pool(u, event, line)
  return u.pools[event][line[LINE_POOL]] or unit_pool(u, event, line[LINE_POOL])
    or damaged('no pool ' .. event_field(u, event, line[LINE_POOL]))
end

-- The first line whose seats are not available, or whose pool has too few places for all its lines. Also returns how many
-- places the pool has. Nil if all are available.
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
    local gone = seats and #seats > 0 and #maps.seats_other_than(maps.of(u, event, line[LINE_POOL]), seats, SEAT_OF.available)
    if wanted > pool.available or (gone and gone > 0) then
      return line, pool.available
    end
  end
  return nil
end

-- Moves places of all the lines between two counters of their pools (`available`, `held`, `paying`, `sold`, `kept`).
-- `lends`: see unit_move_seats.
local function unit_move(u, event, lines, from, to, lends)
  unit_terms(u, event)
  for i = 1, #lines do
    local line = lines[i]
    local pool = unit_line_pool(u, event, line)
    pool[from] = pool[from] - line[LINE_QUANTITY]
    pool[to] = pool[to] + line[LINE_QUANTITY]
    unit_change_pool(u, pool)
    if line[LINE_SEATS] and #line[LINE_SEATS] > 0 then
      unit_move_seats(u, event, line, from, to, lends)
    end
  end
end

-- Moves places of lines of a record: of one that names a code also in the code. `lends`: see unit_move_seats.
local function record_move(u, r, lines, from, to, lends)
  if r.code then
    codes.move(u, r, lines, from, to, lends)
  else
    unit_move(u, r.event, lines, from, to, lends)
  end
end

-- Takes the places of the lines for a hold, all or none. Returns nil; or the first unavailable line, and how many
-- places its pool has.
local function unit_take(u, event, lines)
  local line = lines[1]
  if lines[2] then
    local short, available = unit_short_line(u, event, lines)
    if not short then
      unit_move(u, event, lines, 'available', 'held')
    end
    return short, available
  end
  -- One line is most of what a drop asks for. Whether its seats are available was seen when they were chosen.
  local pool, wanted = unit_line_pool(u, event, line), line[LINE_QUANTITY]
  if wanted > pool.available then
    return line, pool.available
  end
  if line[LINE_SEATS] then
    unit_move(u, event, lines, 'available', 'held')
    return nil
  end
  pool.available, pool.held = pool.available - wanted, pool.held + wanted
  unit_change_pool(u, pool)
  return nil
end

-- Places that the customer holds, pays for or has bought at the event; and the customer's field.
local function unit_customer(u, event, customer)
  local field = event_field(u, event, customer)
  local places = u.customers[field]
  if places == nil then
    places = tonumber(redis.call('HGET', u.keys[KEY_CUSTOMERS], field) or 0)
    if not places then
      damaged('places of customer ' .. field)
    end
    u.customers[field] = places
  end
  return places or 0, field
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

-- True if the event is cancelled: nothing of it can be taken, paid or booked, and its holds end.
local function event_cancelled(u, event)
  local terms = unit_terms(u, event)
  return terms and terms.status == 'cancelled'
end

-- Marks the record as changed: its packed form is made again, and unit_write stores it.
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

-- The values before the record in a command's result: the word, the time of the answer, and whether it repeats an
-- earlier answer.
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
  record_move(u, r, r.lines, from, 'available')
  if r.code then
    codes.count_use(u, r, -1)
  end
  unit_add_customer_places(u, r.event, r.customer, -record_places(r))
  r.state = state
  r.ended_ms = u.now_ms
  unit_change(u, r)
  unit_fact(u, state, r)
  if u.limits then
    limits.hold_ended(u, r)
  end
  if u.hoards and event_cancelled(u, r.event) then
    hoarding.forgive(u, r)
  elseif u.hoards then
    hoarding.hold_ended(u, r)
  end
  local terms = unit_terms(u, r.event)
  if r.digest == OFFER_DIGEST then
    waitlists.offer_ended(u, r, (state == 'expired' or event_cancelled(u, r.event)) and 'ended' or 'declined')
  elseif terms and terms.room then
    rooms.gave_back(u, r.event, r.customer, r.created_ms, record_places(r))
  end
end
