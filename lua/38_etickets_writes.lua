-- E-tickets and scans as they are reported and written, after a call and by a restore.

do
  local RID, STATE, FIRST_IN_MS, CHANGED_MS = etickets.RID, etickets.STATE, etickets.FIRST_IN_MS, etickets.CHANGED_MS
  local ISSUE, key_of, shown = etickets.ISSUE, etickets.key_of, etickets.shown

  -- Removes what there is of the doors of an event that is gone: nothing of it was ever sold.
  function etickets.forget(u, event)
    local key = key_of(u, event)
    redis.call('DEL', key, key .. ':etickets', key .. ':of', key .. ':changes', key .. ':scans')
  end

  -- True if there is something to tell.
  function etickets.tells(u)
    return u.eticket_facts or u.scan_facts
  end

  -- Adds to an outbox entry what there is to tell.
  function etickets.add_to_entry(u, entry)
    if u.eticket_facts then
      local n = #entry
      entry[n + 1], entry[n + 2] = 'e', array_head(#u.eticket_facts) .. table.concat(u.eticket_facts)
    end
    if u.scan_facts then
      local n = #entry
      entry[n + 1], entry[n + 2] = 's', array_head(#u.scan_facts) .. table.concat(u.scan_facts)
    end
  end

  local function write_doors(u, doors)
    local stored, versions, of, scans = {}, {}, {}, {}
    local version = math.max(doors.version + 1, u.now_ms)
    for number, packed in pairs(doors.changed) do
      local n = #stored
      stored[n + 1], stored[n + 2] = u.digits[number], packed
      versions[n + 1], versions[n + 2] = u.digits[version], u.digits[number]
    end
    for rid in pairs(doors.changed_of) do
      local n = #of
      of[n + 1], of[n + 2] = rid, cmsgpack.pack(doors.of[rid])
    end
    for name in pairs(doors.changed_scans) do
      local n = #scans
      scans[n + 1], scans[n + 2] = name, doors.scans[name]
    end
    if #stored > 0 then
      redis.call('HSET', doors.key, 'next', u.digits[doors.next], 'version', u.digits[version])
    end
    call_with('HSET', doors.key .. ':etickets', stored)
    call_with('ZADD', doors.key .. ':changes', versions)
    call_with('HSET', doors.key .. ':of', of)
    call_with('HSET', doors.key .. ':scans', scans)
  end

  -- Writes what changed. The keys were read, with their types, before.
  function etickets.write(u)
    for _, doors in pairs(u.doors or {}) do
      write_doors(u, doors)
    end
  end

  -- An e-ticket as a gate was shown it, by what is known of that scan (83_restore.lua). One that was void stays so; any
  -- other had the issue of its code.
  local function shown_then(e, result, issue, state, first_in_ms, changed_ms)
    local answer = shown(e)
    answer[FIRST_IN_MS] = first_in_ms
    if result ~= 'void' then
      answer[ISSUE] = issue
    end
    if result ~= 'void' or e[STATE] ~= 'void' then
      answer[STATE] = state
    end
    if changed_ms > 0 then
      answer[CHANGED_MS] = changed_ms
    end
    return answer
  end

  -- Writes e-tickets of a partition that was lost, and what gates were answered (83_restore.lua). To gates they are changed.
  function etickets.restore(prefix, stored, scans)
    local time = redis.call('TIME')
    local version = string.format('%.0f', time[1] * 1000 + (time[2] - time[2] % 1000) / 1000)
    for _, row in ipairs(stored) do
      local key, number, rid = string.format('%sdoors:%.0f', prefix, row[1]), string.format('%.0f', row[2]), row[3][RID]
      local before = redis.call('HGET', key .. ':of', rid)
      local numbers = before and cmsgpack.unpack(before) or {}
      numbers[#numbers + 1] = row[2]
      redis.call('HSET', key .. ':of', rid, cmsgpack.pack(numbers))
      redis.call('HSET', key .. ':etickets', number, cmsgpack.pack(row[3]))
      redis.call('ZADD', key .. ':changes', version, number)
      redis.call('HSET', key, 'next', string.format('%.0f', row[2] + 1), 'version', version)
    end
    for _, scan in ipairs(scans) do
      local key = string.format('%sdoors:%.0f', prefix, scan[1])
      local raw = scan[4] >= 0 and redis.call('HGET', key .. ':etickets', string.format('%.0f', scan[4]))
      local e = raw and cmsgpack.unpack(raw)
      local then_shown = e and { shown_then(e, scan[6], scan[5], scan[9], scan[10], scan[11]) } or {}
      local answer = { scan[6], scan[4], scan[5], then_shown, scan[7], scan[8] }
      redis.call('HSET', key .. ':scans', scan[2] .. '\n' .. scan[3], cmsgpack.pack(answer))
    end
  end
end
