-- The unit of work, last part: writing what changed, once.

local record_place, unit_write, unit_told_position
do
  local MOST_ENDS = 16 -- ends of epochs that are remembered

  -- The place of a record, by its content: `held`, `unsettled` or `archive` (invariants 3 to 5).
  function record_place(r)
    if #r.attempts > 0 and record_unsettled(r) then
      return 'unsettled'
    end
    return r.state == 'held' and 'held' or 'archive'
  end

  -- Sets strings, {key, value, key, value...}, that all expire at the same time; as many values as `count`.
  local function set_until(u, until_ms, strings, count)
    local until_text = u.digits[until_ms]
    if not has_msetex then
      for i = 1, count, 2 do
        redis.call('SET', strings[i], strings[i + 1], 'PXAT', until_text)
      end
      return
    end
    for first = 1, count, ARGUMENTS_AT_ONCE do
      local arguments, n = strings, count
      if count > ARGUMENTS_AT_ONCE then
        n = math.min(ARGUMENTS_AT_ONCE, count - first + 1)
        arguments = { unpack(strings, first, first + n - 1) }
      end
      arguments[n + 1], arguments[n + 2] = 'PXAT', until_text
      redis.call('MSETEX', u.digits[n / 2], unpack(arguments, 1, n + 2))
    end
  end

  local function unit_write_new_holds(u)
    local new, deadline_ms = u.new, next(u.new.until_ms)
    if deadline_ms and next(new.until_ms, deadline_ms) == nil then
      set_until(u, deadline_ms, new.marks, 2 * new.count)
    else
      local marks = setmetatable({}, TABLE_ONCE) -- by when they expire, as text
      for i = 1, 2 * new.count, 2 do
        local ending = marks[new.deadlines[i]]
        local n = #ending
        ending[n + 1], ending[n + 2] = new.marks[i], HELD_MARK
      end
      for until_ms, ending in pairs(new.until_ms) do
        local ended = marks[ending.digits]
        set_until(u, until_ms, ended, #ended)
      end
    end
    call_with('HSET', u.keys[KEY_LEDGER], new.ledger, nil, 2 * new.count)
    call_with('ZADD', u.keys[KEY_DEADLINES], new.deadlines, nil, 2 * new.count)
  end

  local function unit_write_records(u)
    if #u.changed_records == 0 then
      return
    end
    local digits, archive_until_ms = u.digits, u.now_ms + u.archive_ms
    local strings = setmetatable({}, TABLE_ONCE) -- by when they expire
    local to_ledger, from_ledger = {}, {}
    local to_deadlines, from_deadlines, to_unsettled, from_unsettled = {}, {}, {}, {}
    for i = 1, #u.changed_records do
      local r = u.changed_records[i]
      local place, was = record_place(r), r.stored
      local key = u.prefix .. r.rid
      if place == 'archive' then
        local archived = strings[archive_until_ms]
        local n = #archived
        archived[n + 1], archived[n + 2] = key, r.packed or record_pack(u, r)
        if was and was ~= 'archive' then
          table.insert(from_ledger, r.rid)
        end
      else
        local n = #to_ledger
        to_ledger[n + 1], to_ledger[n + 2] = r.rid, r.packed or record_pack(u, r)
        if place == 'unsettled' then
          if was and was ~= 'unsettled' then
            redis.call('DEL', key)
          end
        elseif was ~= 'held' or r.redated then
          local marks = strings[r.deadline_ms]
          n = #marks
          marks[n + 1], marks[n + 2] = key, HELD_MARK
        end
      end
      if place == 'held' and r.redated then
        local n = #to_deadlines
        to_deadlines[n + 1], to_deadlines[n + 2] = digits[r.deadline_ms], r.rid
      end
      if place ~= was then
        if was == 'held' then
          table.insert(from_deadlines, r.rid)
        elseif was == 'unsettled' then
          table.insert(from_unsettled, r.rid)
        end
        if place == 'held' then
          local n = #to_deadlines
          to_deadlines[n + 1], to_deadlines[n + 2] = digits[r.deadline_ms], r.rid
        elseif place == 'unsettled' then
          table.insert(to_unsettled, digits[u.now_ms])
          table.insert(to_unsettled, r.rid)
        end
      end
    end
    for until_ms, ending in pairs(strings) do
      set_until(u, until_ms, ending, #ending)
    end
    call_with('HDEL', u.keys[KEY_LEDGER], from_ledger)
    call_with('HSET', u.keys[KEY_LEDGER], to_ledger)
    call_with('ZREM', u.keys[KEY_DEADLINES], from_deadlines)
    call_with('ZADD', u.keys[KEY_DEADLINES], to_deadlines)
    call_with('ZREM', u.keys[KEY_UNSETTLED], from_unsettled)
    call_with('ZADD', u.keys[KEY_UNSETTLED], to_unsettled)
  end

  local function unit_write_bookings(u)
    if next(u.changed_bookings) == nil and next(u.purges) == nil and #u.gone_pools == 0 then
      return
    end
    local to_bookings, from_bookings, to_purges, from_purges = {}, {}, {}, {}
    for field, b in pairs(u.changed_bookings) do
      if b and b.state == 'booked' then
        to_bookings[#to_bookings + 1], to_bookings[#to_bookings + 2] = field, b.packed
        u.purges[field] = b.expires_ms
      else
        from_bookings[#from_bookings + 1] = field
        u.purges[field] = false
      end
      if b and b.state == 'cancelled' then
        local key = u.unbooked_prefix .. u.digits[b.event] .. ':' .. b.booking_id
        local until_ms = math.min(u.now_ms + u.archive_ms, b.expires_ms)
        redis.call('SET', key, cmsgpack.pack(b.request_id) .. b.packed, 'PXAT', u.digits[until_ms])
      end
    end
    for member, until_ms in pairs(u.purges) do
      if until_ms then
        to_purges[#to_purges + 1], to_purges[#to_purges + 2] = u.digits[until_ms], member
      else
        from_purges[#from_purges + 1] = member
      end
    end
    call_with('HDEL', u.keys[KEY_BOOKINGS], from_bookings)
    call_with('HSET', u.keys[KEY_BOOKINGS], to_bookings)
    call_with('ZREM', u.keys[KEY_PURGES], from_purges)
    call_with('ZADD', u.keys[KEY_PURGES], to_purges)
    call_with('HDEL', u.keys[KEY_POOLS], u.gone_pools)
    call_with('ZREM', u.keys[KEY_SLOTS], u.gone_pools)
  end

  -- The last entries of the epochs before the one that the unit began, latest first: `before`, and what was known before.
  local function epoch_ends(u)
    local ends, number = { u.before }, 1
    for position in string.gmatch(redis.call('HGET', u.keys[KEY_META], 'ends') or u.before_that or '', '%S+') do
      if position ~= u.before and number < MOST_ENDS then
        number = number + 1
        ends[number] = position
      end
    end
    return table.concat(ends, ' ')
  end

  -- The epoch that the unit began, before its first entry: it is this server's from here on.
  local function unit_write_epoch(u)
    local meta = { 'epoch', u.epoch, 'seq', '0', 'run_id', server_run_id() }
    if u.before then
      meta[7], meta[8], meta[9], meta[10] = 'before', u.before, 'ends', epoch_ends(u)
    end
    redis.call('HSET', u.keys[KEY_META], unpack(meta))
  end

  -- The position of the outbox now, packed. For a caller that knows its epoch: the number of its last entry. For any other a
  -- text: the position, and the last entries of earlier epochs, latest first. A caller that was told of later ones knows what was
  -- lost.
  function unit_told_position(u, known_epoch)
    local seq = u.told and u.seq + 1 or u.seq
    if known_epoch == u.epoch then
      return cmsgpack.pack(seq)
    end
    local stored = redis.call('HMGET', u.keys[KEY_META], 'ends', 'before')
    local ends = stored[1] or stored[2]
    return cmsgpack.pack(u.epoch .. '-' .. u.digits[seq] .. (ends and ' ' .. ends or ''))
  end

  -- The facts, as one entry. The first of an epoch names the last entry before it.
  local function unit_write_outbox(u)
    local seq, told_bookings = u.digits[u.seq + 1], #u.booking_facts
    u.fact_parts[1] = array_head(u.facts)
    local entry = { 'f', table.concat(u.fact_parts, '', 1, 4 * u.facts + 1) }
    if told_bookings > 0 then
      entry[3], entry[4] = 'b', array_head(told_bookings) .. table.concat(u.booking_facts)
    end
    if #u.waiting_facts > 0 then
      local n = #entry
      entry[n + 1], entry[n + 2] = 'w', array_head(#u.waiting_facts) .. table.concat(u.waiting_facts)
    end
    if #u.queue_facts > 0 then
      local n = #entry
      entry[n + 1], entry[n + 2] = 'q', array_head(#u.queue_facts) .. table.concat(u.queue_facts)
    end
    etickets.add_to_entry(u, entry)
    if #u.acts > 0 then
      local n = #entry
      entry[n + 1], entry[n + 2] = 'a', array_head(#u.acts) .. table.concat(u.acts)
    end
    if u.trace then
      local n = #entry
      entry[n + 1], entry[n + 2] = 't', u.trace
    end
    if u.seq == 0 and u.before then
      local n = #entry
      entry[n + 1], entry[n + 2] = 'p', u.before
    end
    redis.call('XADD', u.keys[KEY_OUTBOX], u.epoch .. '-' .. seq, unpack(entry))
    if u.fenced then
      unit_write_epoch(u)
    end
    redis.call('HSET', u.keys[KEY_META], 'seq', seq)
    u.told = true
  end

  -- Writes what changed. Nothing in here may fail: every key was read, with its type, before. The outbox goes first,
  -- because it alone may refuse: an id that is not above its last one.
  -- `acks`: the caller waits for replicas, for what was only read, too.
  function unit_write(u, acks)
    etickets.follow_all(u)
    local tells = not unit_is_unchanged(u) or etickets.tells(u)
    check_keys_again(u, tells)
    if tells then
      unit_write_outbox(u)
    elseif u.fenced then
      unit_write_epoch(u)
    elseif acks then
      mark_replicas(u.keys[KEY_META], 'epoch', u.epoch)
    end
    unit_write_new_holds(u)
    unit_write_records(u)
    unit_write_bookings(u)
    if u.rooms then
      rooms.write(u)
    end
    if u.lists then
      waitlists.write(u)
    end
    if u.doors then
      etickets.write(u)
    end
    if u.codes then
      codes.write(u)
    end
    local pools, slot_ends, customers_gone, terms, terms_gone = {}, {}, {}, {}, {}
    for field, pool in pairs(u.changed_pools) do
      table.insert(pools, field)
      table.insert(pools, pool_encode(pool))
      if pool.until_ms then
        table.insert(slot_ends, u.digits[pool.until_ms])
        table.insert(slot_ends, field)
      end
    end
    -- Counts of new holds come first: where one has changed again since, the later count is written over it, or it goes.
    local customers, n = u.new.customers, 2 * u.new.count
    for field in pairs(u.changed_customers) do
      local places = u.customers[field]
      if places == 0 then
        table.insert(customers_gone, field)
      else
        customers[n + 1], customers[n + 2] = field, u.digits[places]
        n = n + 2
      end
    end
    for event, packed in pairs(u.changed_terms) do
      if packed then
        table.insert(terms, u.digits[event])
        table.insert(terms, packed)
      else
        table.insert(terms_gone, u.digits[event])
        rooms.forget(u, event)
        waitlists.forget(u, event)
        etickets.forget(u, event)
        codes.forget(u, event)
      end
    end
    for _, key in ipairs(u.gone_maps) do
      redis.call('DEL', key)
    end
    for key, map in pairs(u.changed_maps) do
      maps.write(key, map)
    end
    if u.kept_keys then
      set_until(u, u.now_ms + u.answer_ms, u.kept_keys, #u.kept_keys)
    end
    call_with('HSET', u.keys[KEY_POOLS], pools)
    call_with('ZADD', u.keys[KEY_SLOTS], slot_ends, 'GT')
    call_with('HSET', u.keys[KEY_CUSTOMERS], customers, nil, n)
    call_with('HDEL', u.keys[KEY_CUSTOMERS], customers_gone)
    call_with('HSET', u.keys[KEY_EVENTS], terms)
    call_with('HDEL', u.keys[KEY_EVENTS], terms_gone)
  end
end
