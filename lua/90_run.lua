-- onsale_run: runs a batch of commands on a partition as one unit of work.
--
-- Keys      meta, events, pools, ledger, deadlines, unsettled, customers, outbox, bookings, slots, purges. Then follow, in the
--           order of the commands, hold:<rid> for each that names a reservation. Then follow, in the same order,
--           unbooked:<event>:<booking_id> for each that names a booking, and answer:{<name>} for each that has an
--           idempotency key
-- Arguments batch: a msgpack array of commands; of holds also in columns (41_alike_holds.lua)
--           slice: how many due holds to give back at most
--           archive_ms, booking_ms: as in unit_open
--           limits: those that the caller knows (18_limits.lua)
--           acks: 1 if the caller waits for replicas, else 0
--           actors: a msgpack array of pairs, the number of a command and on whose behalf it runs; or an empty text
--           percent: of maxmemory, from which on nothing is taken (06_memory.lua)
--           trace: the traceparent of the batch, or an empty text
--           epoch: of the outbox, that the caller knows, or an empty text
--           answer_ms: how long the events of idempotency keys are kept
-- Promise   All commands' effects are written, or the call raises and nothing is.
-- Replies   a msgpack array: the results in the order of the commands, those of limited commands with the rest of the limit.
--           Then the microseconds of processor time of the call, by which the engine sizes its batches. Then the position of
--           the outbox (unit_told_position in 70_write.lua), if the caller gives an epoch. Last, the limits in force, if the
--           caller knows others

do
  local COLUMNS = alike_holds.WORDS

  -- Reads at once what the commands name: their records, the customers of new holds, and bookings.
  -- KEYS has the hold keys, in their places: no key is made of what comes from outside. Returns the number of the commands.
  local function load_named(u, batch)
    local rids, keys, named, named_bookings, last = {}, {}, FIXED_KEYS, {}, 0
    local fields, n, keyed = kept_array('fields'), 0, nil
    local alone = #batch == 1 and COLUMNS[batch[1][1]] and batch[1] -- most of what comes in a drop
    local call_keys, prefix, records, named_keys = u.keys, u.prefix, u.records, u.named_keys
    local named_customers, customers, event_prefixes = u.named_customers, u.customers, u.event_prefixes
    local number = 0 -- of the command; of columns, of the last of them
    for i = 1, #batch do
      local command = batch[i]
      if COLUMNS[command[1]] then
        local count
        count, keyed = alike_holds.name(u, command, number, named, not alone and rids, keys, fields, n, keyed)
        number, named, n, last = number + count, named + count, n + count, #rids
      else
        number = number + 1
        local kind = commands[command[1]]
        if not kind then
          error('unknown command ' .. tostring(command[1]), 0)
        end
        if kind.names_reservation then
          named = named + 1
          local rid, key = command[2], call_keys[named]
          if key ~= prefix .. rid then
            error('KEYS do not name ' .. rid, 0)
          end
          named_keys[number] = key
          if records[rid] == nil then
            records[rid] = false
            last = last + 1
            rids[last], keys[last] = rid, key
          end
        end
        if kind.names_booking then
          named_bookings[#named_bookings + 1] = { command }
        end
        if kind.names_customer then
          local field = event_prefixes[command[3]] .. command[4]
          named_customers[number] = field
          if customers[field] == nil then
            customers[field] = false
            n = n + 1
            fields[n] = field
          end
        end
        local code = kind.code_at and command[kind.code_at]
        if code and code ~= '' then
          codes.want(u, command[3], { code })
        end
        local digest = kind.digest_at and command[kind.digest_at]
        if digest and digest ~= '' then
          sold_before.want(u, command[3], command[2])
        end
        local key = kind.keyed and command[kind.keyed.key]
        if key and key ~= '' then
          keyed = keyed or {}
          keyed[number] = key
        end
      end
    end
    if u.codes then
      codes.load(u)
    end
    unit_load_customers(u, fields, n) -- before the records: of those that expired, places go back to customers
    if alone then
      unit_load_records(u, alike_holds.rids(alone), call_keys, FIXED_KEYS)
    else
      unit_load_records(u, rids, keys, 0)
    end
    if u.wanted_sales then
      sold_before.load(u)
    end
    for i, booking in ipairs(named_bookings) do
      local command, key = booking[1], u.keys[named + i]
      if key ~= u.unbooked_prefix .. u.digits[command[2]] .. ':' .. command[3] then
        error('KEYS do not name ' .. command[3], 0)
      end
      booking[2] = key
    end
    if #named_bookings > 0 then
      bookings.load(u, named_bookings)
    end
    if keyed then
      named = named + #named_bookings
      for i = 1, number do
        if keyed[i] then
          named = named + 1
          if call_keys[named] ~= keyed[i] then
            error('KEYS do not name ' .. keyed[i], 0)
          end
        end
      end
      key_events.load(u, keyed)
    end
    return number
  end

  -- Reads at once the paces of all who want to take something, and remembers whose they are.
  local function load_askers(u, batch)
    local known, fields = u.limits, {}
    local hoarders = u.hoards and {}
    local paces, customers, addresses, wider = known.paces, known.customers, known.addresses, known.wider
    for i = 1, #batch do
      local command = batch[i]
      local asks = commands[command[1]].asks
      if asks then
        local customer, address = command[asks.customer], command[asks.address]
        if hoarders and u.named_customers[i] then
          hoarders[#hoarders + 1] = { i, command[3], customer, address }
        end
        customer = u.named_customers[i] or customer ~= '' and event_field(u, command[2], customer)
        address = address ~= '' and known.address_every_ms > 0 and known.address_fields[address]
        customers[i], addresses[i] = customer, address
        if customer and paces[customer] == nil then
          paces[customer] = false -- until they are read
          fields[#fields + 1] = customer
        end
        if address and paces[address] == nil then
          paces[address] = false
          fields[#fields + 1] = address
        end
        local around = address and known.wider_fields[address]
        if around then
          wider[i] = around
          if paces[around] == nil then
            paces[around] = false
            fields[#fields + 1] = around
          end
        end
      end
    end
    limits.load(u, fields)
    if hoarders then
      hoarding.load(u, hoarders)
    end
  end

  local function run_one(u, command, number)
    local kind, result, record, told = commands[command[1]], nil, nil, nil
    local event = u.keyed and u.keyed[number] and command[kind.keyed.event]
    if event and key_events.is_of_another(u, number, event) then
      return reply('key_reused')
    end
    if u.limits and kind.takes and kind.takes(u, command) then
      result, record, told = limits.run(u, kind, command, number)
    else
      result, record, told = kind.run(u, command, number)
    end
    if event and not kind.takes(u, command) then
      key_events.keep(u, number, event)
    end
    return result, record, told
  end

  -- On whose behalf commands run, by their numbers; nil if no changes are logged.
  local function actors_of(packed)
    if not packed or packed == '' then
      return nil
    end
    local actors = {}
    for _, pair in ipairs(cmsgpack.unpack(packed)) do
      actors[pair[1]] = pair[2]
    end
    return actors
  end

  -- Runs a command and remembers which facts it made, for the audit log.
  local function run_for(u, actor, command, number)
    local facts, told_bookings, told_waiting = u.facts, #u.booking_facts, #u.waiting_facts
    local told_etickets, told_queue = #(u.eticket_facts or {}), #u.queue_facts
    local result, record, told = run_one(u, command, number)
    local more_waiting, more_etickets = #u.waiting_facts - told_waiting, #(u.eticket_facts or {}) - told_etickets
    local more_queue = #u.queue_facts - told_queue
    if u.facts > facts or #u.booking_facts > told_bookings or more_waiting + more_etickets + more_queue > 0 then
      local first = { facts, u.facts - facts, told_bookings, #u.booking_facts - told_bookings, actor }
      if more_waiting + more_etickets + more_queue > 0 then
        first[6], first[7], first[8], first[9] = told_waiting, more_waiting, told_etickets, more_etickets
      end
      if more_queue > 0 then
        first[10], first[11] = told_queue, more_queue
      end
      u.acts[#u.acts + 1] = cmsgpack.pack(first)
    end
    return result, record, told
  end

  local function run(keys, args)
    local began = os.clock()
    local prefix = string.sub(keys[KEY_LEDGER], 1, -7)
    guard_slot(prefix)
    local batch = cmsgpack.unpack(args[1])
    local u = unit_open(keys, tonumber(args[2]), tonumber(args[3]), tonumber(args[4]))
    local percent = tonumber(args[8])
    u.acks = args[6] == '1'
    u.answer_ms = tonumber(args[11])
    u.trace = args[9] ~= '' and args[9]
    u.memory_full = memory_is_full(u.now_ms, percent or 100, #args[1])
    if u.memory_full and not percent then -- an older release, which does not know the word
      return redis.error_reply('OOM the memory is full')
    end
    local numbers, in_force = limits.open(u, prefix, args[5])
    if numbers then
      hoarding.open(u, prefix, numbers)
    end
    u.given_back = unit_give_back_due(u)
    if u.allotments_ms > 0 and u.now_ms >= u.allotments_ms then
      codes.end_due(u)
    end
    local actors = actors_of(args[7])
    if u.limits or actors then -- who hoards is limited, too
      batch = alike_holds.spread(batch)
    end
    local count = load_named(u, batch)
    if u.limits then
      load_askers(u, batch)
    end
    if u.lists then
      waitlists.settle(u)
    end
    local tells = args[10] ~= nil
    local parts, n = { array_head(count + 1 + (tells and 1 or 0) + (in_force and 1 or 0)) }, 1
    local number = 0
    for i = 1, #batch do
      local command = batch[i]
      if COLUMNS[command[1]] then
        n = alike_holds.run(u, command, number, parts, n, run_one)
        number = number + alike_holds.count(command)
      else
        number = number + 1
        local result, record, told
        if actors and actors[number] then
          result, record, told = run_for(u, actors[number], command, number)
        else
          result, record, told = run_one(u, command, number)
        end
        if u.lists then
          waitlists.settle(u)
        end
        n = n + 1
        parts[n] = result
        if record then
          n = n + 1
          parts[n] = record
        end
        if told then
          n = n + 1
          parts[n] = told
        end
      end
    end
    unit_write(u, args[6] == '1')
    if u.limits then
      limits.write(u)
    end
    if u.hoards then
      hoarding.write(u)
    end
    if u.pauses then
      pauses.write(u)
    end
    if u.publishes then
      redis.call('HSET', keys[KEY_META], 'limits', u.publishes)
    end
    parts[n + 1] = cmsgpack.pack(math.floor((os.clock() - began) * 1000000))
    if tells then
      n = n + 1
      parts[n + 1] = unit_told_position(u, args[10])
    end
    parts[n + 2] = in_force and cmsgpack.pack(in_force)
    return table.concat(parts)
  end

  redis.register_function{ function_name = 'onsale_run', callback = run, flags = { 'allow-oom' } }
end
