-- onsale_restore: writes a partition that was lost, as Postgres has it.
--
-- Keys      the eight fixed keys of the partition
-- Arguments begin position      the partition is taken, and nobody can use it yet; position: the last entry in Postgres
--           fill part           some of what is in it, a msgpack array:
--             events     {event, terms}...
--             pools      {event, pool, capacity, held, paying, sold, kept, start_ms}...; 0: it is no slot
--             maps       {event, pool, text}...
--             customers  {event, customer, places}...
--             records    {rid, record, unsettled_since_ms, archived_until_ms}...
--             slots      {event, pool, until_ms}...
--             bookings   as they are stored
--             visits     {rid, pool, places, customer, until_ms}...
--             waiting    {entry, ended_ms}...: entries of waiting lists, as they are stored. 0: it has not ended, or it is
--                        forgotten, and was the last of its list
--             etickets   {event, number, e-ticket}... in order of their numbers
--             scans      {event, gate, nonce, number, issue, result, other_gate, other_ms, state, first_in_ms, changed_ms}...;
--                        the last three of its e-ticket then, 0: unknown
--             codes      {event, code, terms, uses, spent, held, paying, sold, kept, free, open}...
--             rooms      {event, secret, commitment, joined, digest, drawn_ms, cohort, seed, serving, entered}...
--             places     of these rooms: {event, customer, index, entered_ms}...
--           finish partitions secret   it is there, with an empty outbox; secret: of keyed ids (80_init.lua), or empty
-- Promise   Nothing is overwritten. begin raises if any of the keys exists; fill and finish raise unless begin came before.
--           The epoch is greater than that of the position, the last that Postgres knows. So no number of the outbox is used
--           again, and readers go on from there.
-- Replies   "begun", "filled", "finished"

do
  local RESTORING = 'restoring'

  local RESTORE = {}

  function RESTORE.begin(keys, position)
    if redis.call('EXISTS', unpack(keys)) > 0 then
      error('the partition is there already; only an empty server is restored', 0)
    end
    local time = redis.call('TIME')
    local now_ms = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000
    redis.call('HSET', keys[KEY_META], 'schema', RESTORING, 'epoch_begun',
      string.format('%.0f', math.max(now_ms, tonumber(string.match(position, '^%d+')) + 1)), 'before', position)
    return 'begun'
  end

  local function restored_pool(field, capacity, held, paying, sold, kept, start_ms)
    local pool = {
      capacity = capacity, available = capacity - held - paying - sold - kept, held = held, paying = paying, sold = sold,
      kept = kept, start_ms = start_ms > 0 and start_ms or nil,
    }
    if pool.available < 0 then
      error('pool ' .. field .. ' has more places taken than its capacity', 0)
    end
    return pool_encode(pool)
  end

  -- A record goes where unit_write_records would have put it.
  local function restore_record(keys, prefix, rid, record, since_ms, until_ms)
    local packed = cmsgpack.pack(record)
    local r = record_decode(rid, packed)
    local place = record_place(r)
    if place == 'archive' then
      redis.call('SET', prefix .. rid, packed, 'PXAT', string.format('%.0f', until_ms))
      return
    end
    redis.call('HSET', keys[KEY_LEDGER], rid, packed)
    if place == 'unsettled' then
      redis.call('ZADD', keys[KEY_UNSETTLED], string.format('%.0f', since_ms), rid)
      return
    end
    local deadline = string.format('%.0f', r.deadline_ms)
    redis.call('ZADD', keys[KEY_DEADLINES], deadline, rid)
    redis.call('SET', prefix .. rid, HELD_MARK, 'PXAT', deadline)
  end

  -- Slots, and by when what is of them is to go (26_slots.lua).
  local function restore_slots(keys, stored_slots, stored_bookings, visits)
    for _, slot in ipairs(stored_slots) do
      redis.call('ZADD', keys[KEY_SLOTS], string.format('%.0f', slot[3]), string.format('%.0f/%s', slot[1], slot[2]))
    end
    for _, booking in ipairs(stored_bookings) do
      local field = string.format('%.0f/%s', booking[2], booking[1])
      local b = bookings.decode(field, booking)
      redis.call('HSET', keys[KEY_BOOKINGS], field, bookings.pack(b))
      redis.call('ZADD', keys[KEY_PURGES], string.format('%.0f', b.expires_ms), field)
    end
    for _, visit in ipairs(visits) do
      local member = string.format('%s/%s/%.0f/%s', visit[1], visit[2], visit[3], visit[4])
      redis.call('ZADD', keys[KEY_PURGES], string.format('%.0f', visit[5]), member)
    end
  end

  function RESTORE.fill(keys, packed)
    local part = cmsgpack.unpack(packed)
    local prefix = string.sub(keys[KEY_LEDGER], 1, -7)
    local events, pools, customers = {}, {}, {}
    for _, event in ipairs(part[1]) do
      table.insert(events, string.format('%.0f', event[1]))
      table.insert(events, cmsgpack.pack(event[2]))
    end
    for _, pool in ipairs(part[2]) do
      local field = string.format('%.0f/%s', pool[1], pool[2])
      table.insert(pools, field)
      table.insert(pools, restored_pool(field, pool[3], pool[4], pool[5], pool[6], pool[7], pool[8]))
    end
    for _, map in ipairs(part[3]) do
      redis.call('SET', string.format('%sseats:%.0f:%s', prefix, map[1], map[2]), map[3])
    end
    for _, customer in ipairs(part[4]) do
      table.insert(customers, string.format('%.0f/%s', customer[1], customer[2]))
      table.insert(customers, string.format('%.0f', customer[3]))
    end
    for _, record in ipairs(part[5]) do
      restore_record(keys, prefix .. 'hold:', record[1], record[2], record[3], record[4])
    end
    restore_slots(keys, part[6], part[7], part[8])
    for _, code in ipairs(part[12] or {}) do
      codes.restore(keys, prefix, code)
    end
    for _, entry in ipairs(part[9] or {}) do
      waitlists.restore(prefix, entry[1], entry[2])
    end
    etickets.restore(prefix, part[10] or {}, part[11] or {})
    for _, room in ipairs(part[13] or {}) do
      rooms.restore(prefix, room)
    end
    for _, place in ipairs(part[14] or {}) do
      rooms.restore_place(prefix, place)
    end
    call_with('HSET', keys[KEY_EVENTS], events)
    call_with('HSET', keys[KEY_POOLS], pools)
    call_with('HSET', keys[KEY_CUSTOMERS], customers)
    return 'filled'
  end

  function RESTORE.finish(keys, partitions, secret)
    local begun = redis.call('HMGET', keys[KEY_META], 'epoch_begun', 'before')
    redis.call('DEL', keys[KEY_META])
    redis.call('HSET', keys[KEY_META], 'schema', SCHEMA, 'partitions', partitions, 'epoch', begun[1], 'seq', '0',
      'run_id', server_run_id(), 'before', begun[2])
    if secret and secret ~= '' then
      redis.call('HSET', keys[KEY_META], 'id_secret', secret)
    end
    local ends_ms = codes.first_end(string.sub(keys[KEY_LEDGER], 1, -7) .. 'allotments')
    if ends_ms ~= '0' then
      redis.call('HSET', keys[KEY_META], 'allotments_ms', ends_ms)
    end
    return 'finished'
  end

  local function restore(keys, args)
    local step = RESTORE[args[1]]
    if not step then
      error('unknown step ' .. tostring(args[1]), 0)
    end
    if args[1] ~= 'begin' and redis.call('HGET', keys[KEY_META], 'schema') ~= RESTORING then
      error('no restore of the partition is under way', 0)
    end
    return step(keys, args[2], args[3])
  end

  redis.register_function('onsale_restore', restore)
end
