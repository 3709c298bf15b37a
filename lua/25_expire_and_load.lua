-- The unit of work, first part: giving back what is due, and reading at once what the commands name.

-- A hold is due at its deadline, not after it: in that millisecond the server may have removed its key already.

-- Adds to `fields` a customer whose count must be loaded, unless it is there. Returns its field in `customers`.
local function add_customer(u, event, customer, fields)
  local field = event_field(u, event, customer)
  if not u.customers[field] then
    u.customers[field] = 0
    fields[#fields + 1] = field
  end
  return field
end

-- Loads the counts of these customers (fields of `customers`, each once) in one read.
local function unit_load_customers(u, fields)
  if #fields == 0 then
    return
  end
  local stored = read_many('HMGET', u.keys[KEY_CUSTOMERS], fields)
  for i = 1, #fields do
    if stored[i] then
      u.customers[fields[i]] = tonumber(stored[i]) or damaged('places of customer ' .. fields[i])
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
    add_customer(u, r.event, r.customer, fields)
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

-- Loads the records of these ids, each once, with their hold keys: a live one from the ledger, an ended one from its key.
-- A held record is given back here if it is due, or if its hold key is gone, whatever the clock says now. So is one of a
-- cancelled event.
local function unit_load_records(u, rids, keys)
  if #rids == 0 then
    return
  end
  -- New reservations, most of what comes in a drop, have no hold key: one look at all of them spares reading each.
  local there = count_keys(keys)
  local marks = there > 0 and read_many('MGET', nil, keys) or {}
  local stored = read_many('HMGET', u.keys[KEY_LEDGER], rids)
  for i = 1, #rids do
    local raw, mark = stored[i], marks[i]
    if mark then
      there = there - 1
    end
    if raw then
      local rid = rids[i]
      local r = record_decode(rid, raw)
      r.stored = record_unsettled(r) and 'unsettled' or 'held'
      u.records[rid] = r
      if r.state == 'held' and event_cancelled(u, r.event) then
        unit_give_back(u, r, 'held', 'cancelled')
      elseif r.state == 'held' and (u.now_ms >= r.deadline_ms or not mark) then
        unit_give_back(u, r, 'held', 'expired')
      end
    elseif mark == HELD_MARK then
      damaged('hold key without a ledger entry: ' .. rids[i])
    elseif mark then
      local r = record_decode(rids[i], mark)
      r.stored = 'archive'
      u.records[r.rid] = r
    end
  end
  -- MGET answers nil for a key of another type, which must not be written over.
  if there > 0 then
    damaged('a hold key is not a string')
  end
end
