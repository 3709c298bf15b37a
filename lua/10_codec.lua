-- Stored layouts. Records, terms and facts are msgpack arrays; pools are text, so that `redis-cli` can read them.
-- engine/records.py, engine/terms.py and engine/facts.py are the same layouts for Python; tests hold the two together.

-- Raises an error that names what is damaged and what to do about it.
local function damaged(what)
  error('damaged partition: ' .. what .. "; stop sales of its events and run 'onsale audit'", 0)
end

-- Parts that every hold needs are joined from packed pieces: cmsgpack takes several times as long to walk a table.

-- The head of a msgpack array of n elements. The elements are packed already.
local ARRAY_HEADS = {
  [0] = '\144', '\145', '\146', '\147', '\148', '\149', '\150', '\151',
  '\152', '\153', '\154', '\155', '\156', '\157', '\158', '\159',
}
local ARRAY_OF_0, ARRAY_OF_4 = ARRAY_HEADS[0], ARRAY_HEADS[4]
local ARRAY_OF_12, ARRAY_OF_13 = ARRAY_HEADS[12], ARRAY_HEADS[13]

local function array_head(n)
  return ARRAY_HEADS[n] or string.char(0xdc, (n - n % 256) / 256, n % 256)
end

-- The metatable of tables that make what they are asked for, once: an empty table.
local TABLE_ONCE = {
  __index = function(tables, key)
    tables[key] = {}
    return rawget(tables, key)
  end,
}

-- Pieces that are made once, when they are asked for: the records of many calls have most of their words, numbers and lengths
-- in common.
--   packed[value]           the value's msgpack
--   heads[length]           the head of a msgpack text of that many bytes
--   digits[number]          the whole number as Redis stores it; `%d` takes half as long as `%.0f`
--   event_prefixes[event]   what the fields of its pools and customers begin with
--   fact_heads[word]        length of an id -> what comes before the id in a fact
local kept_pieces
do
  -- Instants of this call are among them, so all are made again after some calls.
  local MOST_PIECES = 1000

  local pieces, made

  -- A table that makes what it is asked for by `make(value)`.
  local function made_once(make)
    return setmetatable({}, {
      __index = function(known, value)
        made = made + 1
        local piece = make(value)
        known[value] = piece
        return piece
      end,
    })
  end

  local function head(length)
    return length < 32 and string.char(0xa0 + length) or string.sub(cmsgpack.pack(string.rep(' ', length)), 1, -length - 1)
  end

  local function digits(number)
    return string.format('%d', number)
  end

  local function event_prefix(event)
    return string.format('%d/', event)
  end

  -- The pieces for a call.
  function kept_pieces()
    if not pieces or made > MOST_PIECES then
      made = 0
      pieces = {
        packed = made_once(cmsgpack.pack), heads = made_once(head), digits = made_once(digits),
        event_prefixes = made_once(event_prefix), fact_heads = setmetatable({}, TABLE_ONCE),
      }
    end
    return pieces
  end
end

-- A command's result: a word, then values.
local function reply(word, ...)
  return array_head(select('#', ...) + 1) .. cmsgpack.pack(word, ...)
end

-- The currency of what was stored before events had one of their own.
local FIRST_CURRENCY = 'EUR'

-- A reservation's record, from its msgpack array. One of an earlier version has no currency; one that names a code has a
-- thirteenth value, {code, kind}.
local function record_decode(rid, raw)
  local a = cmsgpack.unpack(raw)
  if type(a) ~= 'table' or #a ~= 12 and #a ~= 11 and #a ~= 13 then
    damaged('record of ' .. rid)
  end
  a[12] = a[12] or FIRST_CURRENCY
  return {
    rid = rid,
    was = a[1], -- its state when it was read
    state = a[1],
    event = a[2],
    customer = a[3],
    details = a[4],
    created_ms = a[5],
    deadline_ms = a[6],
    ended_ms = a[7],
    digest = a[8],
    lines = a[9],
    attempts = a[10],
    kept = a[11],
    currency = a[12],
    code = a[13],
    packed = raw,
  }
end

-- The msgpack array of a record's values, of which these are packed already:
--   state_event    the head of the array, the state and the event
--   times          when it was created, its deadline, and when it ended
--   rest           its lines, attempts, what is kept off sale, its currency, and the code that it names
local function record_text(u, state_event, customer, details, times, digest, rest)
  local heads = u.heads
  return state_event .. heads[#customer] .. customer .. heads[#details] .. details .. times .. heads[#digest] .. digest
    .. rest
end

-- The head of a record's array, which is longer where it names a code.
local function record_head(r)
  return r.code and ARRAY_OF_13 or ARRAY_OF_12
end

-- The msgpack array of a record, made at most once after each change (see unit_change). Lines that were packed before are
-- known again by their table, so they are replaced, never changed in place.
local function record_pack(u, r)
  if not r.packed then
    local packed = u.packed
    r.packed = record_text(u, record_head(r) .. packed[r.state] .. packed[r.event], r.customer, r.details,
      packed[r.created_ms] .. packed[r.deadline_ms] .. packed[r.ended_ms], r.digest,
      packed[r.lines] .. (#r.attempts == 0 and ARRAY_OF_0 or cmsgpack.pack(r.attempts))
        .. (#r.kept == 0 and ARRAY_OF_0 or cmsgpack.pack(r.kept)) .. packed[r.currency]
        .. (r.code and cmsgpack.pack(r.code) or ''))
  end
  return r.packed
end

-- Positions in a line and in a payment attempt.
-- LINE_SEATS has the positions of assigned seats in the map of their section. LINE_OFF_MINOR is the discount of each place
-- under the record's code; before it, LINE_SEATS may be empty.
local LINE_TICKET, LINE_POOL, LINE_QUANTITY, LINE_UNIT_MINOR, LINE_SEATS, LINE_OFF_MINOR = 1, 2, 3, 4, 5, 6
local ATTEMPT_ID, ATTEMPT_STATE, ATTEMPT_AMOUNT, ATTEMPT_STARTED_MS = 1, 2, 3, 4
local ATTEMPT_SETTLED_MS, ATTEMPT_REASON, ATTEMPT_DIGEST, ATTEMPT_REFUNDS, ATTEMPT_RECEIVED = 5, 6, 7, 8, 9
local ATTEMPT_EXCHANGE = 10

-- ATTEMPT_SETTLED_MS is when the gateway reported the outcome, 0 while pending; it stays when the money is refunded.
-- Positions in a refund, which is money of an attempt that goes back; REFUND_SETTLED_MS is 0 while it is due.
-- ATTEMPT_RECEIVED is a list of at most one {amount_minor, currency, note}. It has the sum at the gateway, where that differs
-- from the sum owed, and a person's decision about it.
-- ATTEMPT_EXCHANGE is a list of at most one {lines before, lines after}: the attempt is for an exchange (39_exchanges.lua).
-- REFUND_PLACES, {ticket_id, quantity}..., and REFUND_WORTH are the refunded places and their price. The charge is the price
-- of the places that are left, and of those that were refunded. Records of earlier releases have none of the three.
local REFUND_ID, REFUND_AMOUNT, REFUND_CREATED_MS, REFUND_SETTLED_MS, REFUND_PLACES, REFUND_WORTH = 1, 2, 3, 4, 5, 6

-- The reason of an attempt whose money came when it bought nothing any more.
local LATE = 'late'

-- The digest of a hold that is an offer to somebody on a waiting list (37_waiting_lists.lua).
local OFFER_DIGEST = 'offer'

-- A line of that many other places at the same terms. `seats`: they, of assigned seats.
local function line_like(line, quantity, seats)
  if line[LINE_OFF_MINOR] then
    return { line[LINE_TICKET], line[LINE_POOL], quantity, line[LINE_UNIT_MINOR], seats or {}, line[LINE_OFF_MINOR] }
  end
  return { line[LINE_TICKET], line[LINE_POOL], quantity, line[LINE_UNIT_MINOR], seats }
end

-- Places in all lines of a record.
local function record_places(r)
  local places = 0
  for i = 1, #r.lines do
    places = places + r.lines[i][LINE_QUANTITY]
  end
  return places
end

-- Price of all lines of a record, minor units.
local function record_total(r)
  local total = 0
  for _, line in ipairs(r.lines) do
    total = total + line[LINE_QUANTITY] * line[LINE_UNIT_MINOR]
  end
  return total
end

-- The attempt of that id, or nil.
local function record_attempt(r, attempt_id)
  for _, attempt in ipairs(r.attempts) do
    if attempt[ATTEMPT_ID] == attempt_id then
      return attempt
    end
  end
  return nil
end

-- True if money of an attempt must still go back.
local function attempt_owes(attempt)
  local refunds = attempt[ATTEMPT_REFUNDS]
  for i = 1, #refunds do
    if refunds[i][REFUND_SETTLED_MS] == 0 then
      return true
    end
  end
  return false
end

-- The refunds of an attempt, made or due, in minor units.
local function attempt_refunded(attempt)
  local refunded = 0
  for _, refund in ipairs(attempt[ATTEMPT_REFUNDS]) do
    refunded = refunded + refund[REFUND_AMOUNT]
  end
  return refunded
end

-- True while money may still come or must still go back: such a record is never archived.
local function record_unsettled(r)
  for i = 1, #r.attempts do
    if r.attempts[i][ATTEMPT_STATE] == 'pending' or attempt_owes(r.attempts[i]) then
      return true
    end
  end
  return false
end

-- A pool's counters, from their text `capacity available held paying sold kept`; of a slot followed by the instant of its
-- start.
local function pool_decode(field, raw)
  local capacity, available, held, paying, sold, kept, start =
    string.match(raw, '^(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) ?(%d*)$')
  if not capacity then
    damaged('pool ' .. field)
  end
  return {
    field = field,
    capacity = tonumber(capacity),
    available = tonumber(available),
    held = tonumber(held),
    paying = tonumber(paying),
    sold = tonumber(sold),
    kept = tonumber(kept),
    start_ms = tonumber(start), -- nil where there is none
  }
end

-- A pool of which nothing is taken.
local function pool_new(field, capacity)
  return { field = field, capacity = capacity, available = capacity, held = 0, paying = 0, sold = 0, kept = 0 }
end

local function pool_encode(pool)
  local text = string.format('%d %d %d %d %d %d', pool.capacity, pool.available + (pool.aside or 0), pool.held,
    pool.paying, pool.sold, pool.kept)
  return pool.start_ms and text .. string.format(' %d', pool.start_ms) or text
end

-- An event's terms of sale: {status, opens_ms, closes_ms, hold_ms, max_per_customer, tickets by id, version, schedule};
-- 0 is "no window". The schedule is {capacity of each slot, {time...}, {weekday...}, {closed date or slot...}, first date};
-- the capacity is 0 where the event is not timed (26_slots.lua). Most tickets have no terms of their own; the others have, sixth,
-- {paused, hidden, opens_ms, closes_ms, min_quantity}.
-- The ninth value is the currency of its prices; terms of an earlier version have none. A tenth is there where the event has a
-- waiting room: {opens_ms, pass_ms, places of a pass, max_inside, per_minute}; 0 is "no limit"; of places: there is no room.
-- An eleventh, where it has a waiting list: {offer_ms, ends_ms, fills gaps}; 0 of ends_ms is "with the sale".
local terms_decode
do
  -- Terms are read by most calls, and change seldom. So their tickets stay decoded, by the text; as long as the texts together
  -- are no longer than this.
  local MOST_BYTES = 200000

  local known, bytes = {}, 0

  -- The array of the text, and its tickets by their ids.
  local function decode(event, raw)
    local a = cmsgpack.unpack(raw)
    if type(a) == 'table' and type(a[9]) ~= 'string' then
      table.insert(a, 9, FIRST_CURRENCY)
    end
    if type(a) ~= 'table' or #a < 9 or #a > 11 then
      damaged('terms of event ' .. event)
    end
    local tickets = {}
    for _, ticket in ipairs(a[6]) do
      local terms = { pools = ticket[2], unit_minor = ticket[3], assigned = ticket[4], timed = ticket[5], lines = {} }
      local own = ticket[6]
      if own then
        terms.own = { paused = own[1], hidden = own[2], opens_ms = own[3], closes_ms = own[4], min_quantity = own[5] }
      end
      terms.seating = terms.timed and 'timed' or terms.assigned and 'assigned' or 'general'
      tickets[ticket[1]] = terms
    end
    return { a, tickets }
  end

  function terms_decode(event, raw)
    local decoded = known[raw]
    if not decoded then
      decoded = decode(event, raw)
      if bytes > MOST_BYTES then
        known, bytes = {}, 0
      end
      known[raw], bytes = decoded, bytes + #raw
    end
    local a = decoded[1]
    return {
      status = a[1], opens_ms = a[2], closes_ms = a[3], hold_ms = a[4], max_per_customer = a[5], tickets = decoded[2],
      version = a[7], schedule = a[8], currency = a[9], room = a[10] and a[10][3] > 0 and a[10] or nil, waiting = a[11],
      plans = {},
    }
  end
end
