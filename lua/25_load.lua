-- The unit of work, first part: giving back what is due, and reading at once what the commands name.

-- A hold is due at its deadline, not after it: in that millisecond the server may have removed its key already.

-- Gives back what is due, oldest first and a slice of it at most; sets `backlog` when more may be left.
-- Returns how many.
local function unit_give_back_due(u)
  local due = redis.call('ZRANGEBYSCORE', u.keys[KEY_DEADLINES], '-inf', string.format('%.0f', u.now_ms), 'LIMIT', 0,
    u.slice)
  if #due == 0 then
    return 0
  end
  u.backlog = #due == u.slice
  local stored = redis.call('HMGET', u.keys[KEY_LEDGER], unpack(due))
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
    unit_give_back(u, r, 'held', 'expired')
  end
  return #due
end

-- Loads the records of these ids: a live one from the ledger, an ended one from its hold key.
-- A record that says `held` and is due, or whose hold key is gone, whatever the clock says now, is given back here.
local function unit_load_records(u, rids)
  local wanted, keys, n, records = {}, {}, 0, u.records
  for i = 1, #rids do
    local rid = rids[i]
    if records[rid] == nil then
      records[rid] = false
      n = n + 1
      wanted[n], keys[n] = rid, u.keys[FIXED_KEYS + i]
    end
  end
  if n == 0 then
    return
  end
  -- New reservations, most of what comes in a drop, have no hold key: one look at all of them spares reading each.
  local there = redis.call('EXISTS', unpack(keys))
  local marks = there > 0 and redis.call('MGET', unpack(keys)) or {}
  local stored = redis.call('HMGET', u.keys[KEY_LEDGER], unpack(wanted))
  for i = 1, #wanted do
    local rid, mark = wanted[i], marks[i]
    if mark then
      there = there - 1
    end
    if stored[i] then
      local r = record_decode(rid, stored[i])
      r.stored = record_unsettled(r) and 'unsettled' or 'held'
      u.records[rid] = r
      if r.state == 'held' and (u.now_ms >= r.deadline_ms or not mark) then
        unit_give_back(u, r, 'held', 'expired')
      end
    elseif mark == HELD_MARK then
      damaged('hold key without a ledger entry: ' .. rid)
    elseif mark then
      u.records[rid] = record_decode(rid, mark)
      u.records[rid].stored = 'archive'
    end
  end
  -- MGET answers nil for a key of another type, which must not be written over.
  if there > 0 then
    damaged('a hold key is not a string')
  end
end

-- Loads the counts of these customers (fields of `customers`) in one read.
local function unit_load_customers(u, fields)
  local wanted, n, customers = {}, 0, u.customers
  for i = 1, #fields do
    local field = fields[i]
    if not customers[field] then
      customers[field] = 0
      n = n + 1
      wanted[n] = field
    end
  end
  if n == 0 then
    return
  end
  local stored = redis.call('HMGET', u.keys[KEY_CUSTOMERS], unpack(wanted))
  for i = 1, #wanted do
    local field = wanted[i]
    if stored[i] then
      customers[field] = tonumber(stored[i]) or damaged('places of customer ' .. field)
    end
  end
end
