-- The unit of work, first part: giving back what is due, and reading at once what the commands name.

-- A hold is due at its deadline, not after it: in that millisecond the server may have removed its key already.

-- Loads the counts of these customers (fields of `customers`) in one read, but for those that are known.
local function unit_load_customers(u, fields)
  if #fields == 0 then
    return
  end
  local stored, customers = read_many('HMGET', u.keys[KEY_CUSTOMERS], fields), u.customers
  for i = 1, #fields do
    if stored[i] and not customers[fields[i]] then
      customers[fields[i]] = tonumber(stored[i]) or damaged('places of customer ' .. fields[i])
    end
  end
end

-- Gives back what is due, oldest first and a slice of it at most; sets `backlog` when more may be left.
-- Returns how many.
local function unit_give_back_due(u)
  local due = redis.call('ZRANGEBYSCORE', u.keys[KEY_DEADLINES], '-inf', string.format('%.0f', u.now_ms), 'LIMIT', 0,
    u.slice)
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
  unit_load_customers(u, fields)
  if u.hoards then
    hoarding.load_records(u, due)
  end
  for _, rid in ipairs(due) do
    local r = u.records[rid]
    unit_give_back(u, r, 'held', event_cancelled(u, r.event) and 'cancelled' or 'expired')
  end
  return #due
end

-- The values of hold keys; false for a key that does not exist. `there`: how many exist.
local function read_hold_keys(keys, there)
  local values, strings = read_many('MGET', nil, keys), 0
  for i = 1, #keys do
    strings = strings + (values[i] and 1 or 0)
  end
  -- MGET answers nil for a key of another type, which must not be written over.
  if strings < there then
    damaged('a hold key is not a string')
  end
  return values
end

-- Loads the records of these ids, each once, with their hold keys: a live one from the ledger, an ended one from its key.
-- A held record is given back here if it is due, or if its hold key is gone, whatever the clock says now. So is one of a
-- cancelled event.
local function unit_load_records(u, rids, keys)
  if #rids == 0 then
    return
  end
  -- New reservations, most of what comes in a drop, have no hold key: one look at all of them spares reading each.
  local there = count_keys(keys)
  local marks = there > 0 and read_hold_keys(keys, there)
  local stored = read_many('HMGET', u.keys[KEY_LEDGER], rids)
  for i = 1, #rids do
    local raw = stored[i]
    if raw then
      local rid, mark = rids[i], marks and marks[i]
      local r = record_decode(rid, raw)
      r.stored = record_unsettled(r) and 'unsettled' or 'held'
      u.records[rid] = r
      if r.state == 'held' and event_cancelled(u, r.event) then
        unit_give_back(u, r, 'held', 'cancelled')
      elseif r.state == 'held' and (u.now_ms >= r.deadline_ms or not mark) then
        unit_give_back(u, r, 'held', 'expired')
      end
    elseif marks and marks[i] == HELD_MARK then
      damaged('hold key without a ledger entry: ' .. rids[i])
    elseif marks and marks[i] then
      local r = record_decode(rids[i], marks[i])
      r.stored = 'archive'
      u.records[r.rid] = r
    end
  end
end
