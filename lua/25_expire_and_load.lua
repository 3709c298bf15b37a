-- The unit of work, first part: giving back what is due, and reading at once what the commands name.

-- A hold is due at its deadline, not after it: in that millisecond the server may have removed its key already.

-- Loads the counts of these customers (the first `n` fields of `customers`) in one read, but for those that are known.
local function unit_load_customers(u, fields, n)
  if n == 0 then
    return
  end
  local stored, customers = read_many('HMGET', u.keys[KEY_CUSTOMERS], fields, n), u.customers
  for i = 1, n do
    if stored[i] and not customers[fields[i]] then
      customers[fields[i]] = tonumber(stored[i]) or damaged('places of customer ' .. fields[i])
    end
  end
end

-- Gives back what is due, oldest first and a slice of it at most; sets `backlog` when more may be left.
-- Returns how many.
local function unit_give_back_due(u)
  local due = redis.call('ZRANGEBYSCORE', u.keys[KEY_DEADLINES], '-inf', u.digits[u.now_ms], 'LIMIT', 0, u.slice)
  if #due == 0 then
    return 0
  end
  u.backlog = #due == u.slice
  local stored, fields = read_many('HMGET', u.keys[KEY_LEDGER], due), {}
  for i, rid in ipairs(due) do
    if not stored[i] then
      damaged('deadline without a ledger entry: ' .. rid)
    end
    local r = record_decode(rid, stored[i])
    if r.state ~= 'held' then
      damaged('deadline of a record that is not held: ' .. rid)
    end
    r.stored = 'held'
    u.records[rid] = r
    fields[i] = event_field(u, r.event, r.customer)
  end
  unit_load_customers(u, fields, #fields)
  if u.hoards then
    hoarding.load_records(u, due)
  end
  for _, rid in ipairs(due) do
    local r = u.records[rid]
    unit_give_back(u, r, 'held', event_cancelled(u, r.event) and 'cancelled' or 'expired')
  end
  return #due
end

-- The values of `n` hold keys behind the one at `before`; false for a key that does not exist. `there`: how many exist.
local function read_hold_keys(keys, before, n, there)
  local named, strings = {}, 0
  for i = 1, n do
    named[i] = keys[before + i]
  end
  local values = read_many('MGET', nil, named)
  for i = 1, n do
    strings = strings + (values[i] and 1 or 0)
  end
  -- MGET answers nil for a key of another type, which must not be written over.
  if strings < there then
    damaged('a hold key is not a string')
  end
  return values
end

-- Loads a record: a live one from the ledger (`raw`), an ended one from its hold key (`mark`). A held record is given back here
-- if it is due, or if its hold key is gone, whatever the clock says now. So is one of a cancelled event.
local function load_record(u, rid, raw, mark)
  if raw then
    local r = record_decode(rid, raw)
    r.stored = record_unsettled(r) and 'unsettled' or 'held'
    u.records[rid] = r
    if r.state == 'held' and event_cancelled(u, r.event) then
      unit_give_back(u, r, 'held', 'cancelled')
    elseif r.state == 'held' and (u.now_ms >= r.deadline_ms or not mark) then
      unit_give_back(u, r, 'held', 'expired')
    end
  elseif mark == HELD_MARK then
    damaged('hold key without a ledger entry: ' .. rid)
  elseif mark then
    local r = record_decode(rid, mark)
    r.stored = 'archive'
    u.records[rid] = r
  end
end

-- Loads the records of these ids, with their hold keys, which are in the array behind the one at `before`. One that is known,
-- because its id came before or it was due, is not loaded again.
local function unit_load_records(u, rids, keys, before)
  local n, records = #rids, u.records
  if n == 0 then
    return
  end
  -- New reservations, most of what comes in a drop, have no hold key: one look at all of them spares reading each.
  local there = count_keys(keys, before, n)
  local marks = there > 0 and read_hold_keys(keys, before, n, there)
  local stored = read_many('HMGET', u.keys[KEY_LEDGER], rids)
  for i = 1, n do
    if (stored[i] or marks) and not records[rids[i]] then
      load_record(u, rids[i], stored[i], marks and marks[i])
    end
  end
end
