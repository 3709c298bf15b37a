-- onsale_claim, onsale_keep, onsale_key_events: small values that expire, of which the first or the last one counts.
--
-- Keys      answer:{<name>}      the answer to a request with a key, or that it is in progress; or the event that the key
--                                was first used for (28_key_events.lua)
--           callback:<digest>    the first use of a signed message
do
  -- onsale_claim: writes a value unless there is one.
  --
  -- Arguments value
  --           keep_ms: how long it is kept
  --           percent: of maxmemory, from which on nothing new is written (06_memory.lua); 0: it is always written
  -- Replies   {"claimed"}; {"found", value}: that one was there; {"out_of_memory"}
  local function claim(keys, args)
    local before, percent = redis.call('GET', keys[1]), tonumber(args[3])
    if before then
      return { 'found', before }
    end
    if percent > 0 then
      local time = redis.call('TIME')
      if memory_is_full(time[1] * 1000 + (time[2] - time[2] % 1000) / 1000, percent, #args[1]) then
        return { 'out_of_memory' }
      end
    end
    redis.call('SET', keys[1], args[1], 'PX', args[2])
    return { 'claimed' }
  end

  -- onsale_key_events: returns the events that keys were first used for; keeps the events of other keys from now on. For a
  -- cluster.
  --
  -- Keys      first the requested keys, then the others
  -- Arguments requested: the number of requested keys
  --           new_ms, keep_ms: how long a new key is stored, and how long one that is kept
  --           percent: as above
  --           event...: of each requested key
  -- Replies   for each requested key: its event, empty if it is new, or "out_of_memory"
  local function events_of_keys(keys, args)
    local asked, percent, found, full = tonumber(args[1]), tonumber(args[4]), {}, nil
    for i = 1, asked do
      local before = redis.call('GET', keys[i])
      if not before and full == nil then
        local time = redis.call('TIME')
        full = memory_is_full(time[1] * 1000 + (time[2] - time[2] % 1000) / 1000, percent, 0)
      end
      if not before and not full then
        redis.call('SET', keys[i], args[4 + i], 'PX', args[2])
      end
      found[i] = before or full and 'out_of_memory' or ''
    end
    for i = asked + 1, #keys do
      redis.call('PEXPIRE', keys[i], args[3])
    end
    return found
  end

  redis.register_function{ function_name = 'onsale_key_events', callback = events_of_keys, flags = { 'allow-oom' } }

  redis.register_function{ function_name = 'onsale_claim', callback = claim, flags = { 'allow-oom' } }

  -- onsale_keep: writes a value in place of any other.
  --
  -- Arguments value, for how long it is kept in ms
  -- Replies   "kept"
  local function keep(keys, args)
    redis.call('SET', keys[1], args[1], 'PX', args[2])
    return 'kept'
  end

  redis.register_function{ function_name = 'onsale_keep', callback = keep, flags = { 'allow-oom' } }
end
