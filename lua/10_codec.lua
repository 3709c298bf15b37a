-- How things are stored. Records, terms and facts are msgpack arrays; pools are text, so that `redis-cli` can read them.
-- engine/records.py and engine/facts.py are the same layouts for Python; tests hold the two together.

-- Raises an error that names what is damaged and what to do about it.
local function damaged(what)
  error('damaged partition: ' .. what .. "; stop sales of its events and run 'onsale audit'", 0)
end

-- What every hold needs is joined from packed pieces: cmsgpack takes several times as long to walk a table.

-- The head of a msgpack array of n elements. What follows it is packed already.
local ARRAY_HEADS = {
  [0] = '\144', '\145', '\146', '\147', '\148', '\149', '\150', '\151',
  '\152', '\153', '\154', '\155', '\156', '\157', '\158', '\159',
}
local ARRAY_OF_0, ARRAY_OF_4, ARRAY_OF_10 = ARRAY_HEADS[0], ARRAY_HEADS[4], ARRAY_HEADS[10]

local function array_head(n)
  return ARRAY_HEADS[n] or string.char(0xdc, (n - n % 256) / 256, n % 256)
end

-- Metatables of tables that make what they are asked for, once. They last for one call, whose records have most of
-- their words, numbers, lines and lengths in common.
--   packed[value]    the value's msgpack
--   heads[length]    the head of a msgpack text of so many bytes
--   digits[number]   the number as Redis stores it
-- and, where the pieces are tables themselves, TABLE_ONCE: an empty one.
local PACK_ONCE = {
  __index = function(packed, value)
    packed[value] = cmsgpack.pack(value)
    return rawget(packed, value)
  end,
}
local HEAD_ONCE = {
  __index = function(heads, length)
    heads[length] = string.sub(cmsgpack.pack(string.rep(' ', length)), 1, -length - 1)
    return rawget(heads, length)
  end,
}
local DIGITS_ONCE = {
  __index = function(digits, number)
    digits[number] = string.format('%.0f', number)
    return rawget(digits, number)
  end,
}

local TABLE_ONCE = {
  __index = function(tables, key)
    tables[key] = {}
    return rawget(tables, key)
  end,
}

-- A command's result: a word, then values.
local function reply(word, ...)
  return array_head(select('#', ...) + 1) .. cmsgpack.pack(word, ...)
end

-- A reservation's record, from its msgpack array.
local function record_decode(rid, raw)
  local a = cmsgpack.unpack(raw)
  if type(a) ~= 'table' or #a ~= 10 then
    damaged('record of ' .. rid)
  end
  return {
    rid = rid,
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
    packed = raw,
  }
end

-- The msgpack array of a record's values, of which these are packed already:
--   state_event    the head of the array, the state and the event
--   times          when it was created, its deadline, and when it ended
--   lines_attempts both
local function record_text(u, state_event, customer, details, times, digest, lines_attempts)
  local heads = u.heads
  return state_event .. heads[#customer] .. customer .. heads[#details] .. details .. times .. heads[#digest] .. digest
    .. lines_attempts
end

-- The msgpack array of a record, made at most once after each change (see unit_change). Lines that were packed before are
-- known again by their table, so they are replaced, never changed in place.
local function record_pack(u, r)
  if not r.packed then
    local packed = u.packed
    r.packed = record_text(u, ARRAY_OF_10 .. packed[r.state] .. packed[r.event], r.customer, r.details,
      packed[r.created_ms] .. packed[r.deadline_ms] .. packed[r.ended_ms], r.digest,
      packed[r.lines] .. (#r.attempts == 0 and ARRAY_OF_0 or cmsgpack.pack(r.attempts)))
  end
  return r.packed
end

-- Positions in a line and in a payment attempt.
-- LINE_SEATS is there in lines of assigned seats only: where the seats stand in the map of their section.
local LINE_TICKET, LINE_POOL, LINE_QUANTITY, LINE_UNIT_MINOR, LINE_SEATS = 1, 2, 3, 4, 5
local ATTEMPT_ID, ATTEMPT_STATE, ATTEMPT_AMOUNT, ATTEMPT_STARTED_MS = 1, 2, 3, 4
local ATTEMPT_SETTLED_MS, ATTEMPT_REASON, ATTEMPT_DIGEST = 5, 6, 7

-- The reason of an attempt whose money came when it bought nothing any more.
local LATE = 'late'

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

local function record_has_attempt(r, state)
  for _, attempt in ipairs(r.attempts) do
    if attempt[ATTEMPT_STATE] == state then
      return true
    end
  end
  return false
end

-- True while money may still come or must still go back: such a record is never archived.
local function record_unsettled(r)
  for i = 1, #r.attempts do
    local state = r.attempts[i][ATTEMPT_STATE]
    if state == 'pending' or state == 'refund_due' then
      return true
    end
  end
  return false
end

-- A pool's counters, from their text `capacity available held paying sold`.
local function pool_decode(field, raw)
  local capacity, available, held, paying, sold = string.match(raw, '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
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
  }
end

local function pool_encode(pool)
  return string.format('%.0f %.0f %.0f %.0f %.0f', pool.capacity, pool.available, pool.held, pool.paying, pool.sold)
end

-- An event's terms of sale: {status, opens_ms, closes_ms, hold_ms, max_per_customer, tickets by id, version, slot_capacity};
-- 0 is "no window", and "not a timed event".
local function terms_decode(event, raw)
  local a = cmsgpack.unpack(raw)
  if type(a) ~= 'table' or (#a ~= 8 and #a ~= 7) then -- 7: written before there were slots
    damaged('terms of event ' .. event)
  end
  local tickets = {}
  for _, ticket in ipairs(a[6]) do
    local terms = { pools = ticket[2], unit_minor = ticket[3], assigned = ticket[4], timed = ticket[5], lines = {} }
    terms.seating = terms.timed and 'timed' or terms.assigned and 'assigned' or 'general'
    tickets[ticket[1]] = terms
  end
  return {
    status = a[1], opens_ms = a[2], closes_ms = a[3], hold_ms = a[4], max_per_customer = a[5], tickets = tickets,
    version = a[7], slot_capacity = a[8] or 0, shared_lines = {}, shared_places = {},
  }
end
