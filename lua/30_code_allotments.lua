-- Allotments: places of a ticket that are set aside for a code, until they end.

do
  -- The number of allotments that a call ends at most.
  local ENDED_AT_ONCE = 500

  local function note_allotment(u, entry, until_ms)
    if not next(u.changed_allotments) then
      redis.call('ZCARD', codes.allotments_key(u)) -- raises here, not after the first write, if it is damaged
    end
    u.changed_allotments[event_field(u, entry.event, entry.code)] = until_ms
  end

  -- Sets that many places aside for a code that nobody has; what it had and no longer needs is on sale.
  function codes.set_aside(u, entry, free, open)
    local more = free - entry.free
    unit_terms(u, entry.event) -- somebody may wait for what returns
    local name = codes.pool_name(u, entry)
    local pool = name and unit_pool(u, entry.event, name) -- it went with its ticket, in earlier releases
    if more ~= 0 and pool then
      pool.available, pool.kept = pool.available - more, pool.kept + more
      unit_change_pool(u, pool)
    end
    entry.free, entry.open = free, open and 1 or 0
    codes.change(u, entry)
    note_allotment(u, entry, open and (entry.terms.until_ms > 0 and entry.terms.until_ms or codes.NEVER_MS))
  end

  -- Ends the allotments that are due, a slice at most.
  function codes.end_due(u)
    codes.of(u)
    local due = redis.call('ZRANGEBYSCORE', codes.allotments_key(u), '-inf', u.digits[u.now_ms], 'LIMIT', 0, ENDED_AT_ONCE)
    u.codes_due = true
    for _, field in ipairs(due) do
      local event, code = string.match(field, '^(%d+)/(.+)$')
      local entry = event and codes.at(u, tonumber(event), code)
      if entry then
        codes.set_aside(u, entry, 0, false)
      else
        u.changed_allotments[field] = false
      end
    end
  end

  -- Calls `each(entry)` for the allotments of an event. Looks at all of the partition: for deletions, which are rare.
  local function each_allotment(u, event, each)
    codes.of(u)
    local prefix, fields, stored = u.digits[event] .. '/', redis.call('ZRANGE', codes.allotments_key(u), 0, -1), {}
    for i = 1, #fields do
      stored[fields[i]] = true
    end
    for field, until_ms in pairs(u.changed_allotments) do
      if until_ms and not stored[field] then -- of this call
        fields[#fields + 1] = field
      end
    end
    local names = {}
    for i = 1, #fields do
      if string.sub(fields[i], 1, #prefix) == prefix then
        names[#names + 1] = string.sub(fields[i], #prefix + 1)
      end
    end
    codes.want(u, event, names) -- to read one after the other takes three times as long
    codes.load(u)
    for i = 1, #names do
      local entry = codes.at(u, event, names[i])
      if entry then
        each(entry)
      end
    end
  end

  -- The places of an event that are set aside, by pool.
  function codes.set_aside_of(u, event)
    local places = {}
    each_allotment(u, event, function(entry)
      local name = codes.pool_name(u, entry)
      if name then
        places[name] = (places[name] or 0) + entry.free
      end
    end)
    return places
  end

  -- True if places of the ticket are set aside.
  function codes.sets_aside(u, event, ticket_id)
    local found = false
    each_allotment(u, event, function(entry)
      found = found or entry.open == 1 and entry.terms.ticket_ids[1] == ticket_id
    end)
    return found
  end

  -- Drops the codes of an event of which nothing was ever taken.
  function codes.drop(u, event)
    codes.of(u)
    each_allotment(u, event, function(entry)
      note_allotment(u, entry, false)
    end)
    for code in pairs(u.codes[event]) do
      u.changed_codes[u.codes[event][code]] = nil
      u.codes[event][code] = false
    end
  end

  -- When the first allotment ends, as `meta` tells it.
  function codes.first_end(key)
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return first[2] and string.format('%.0f', tonumber(first[2])) or '0'
  end
end
