-- purge_slots: removes slots that are long past, with everything that is of them.
--
-- Command   {"purge_slots", skip}; skip: how many slots to pass over, because they were kept before
-- Keys      pools, bookings, slots, purges, customers
-- Promise   A slice at most, in order: bookings that expired, and what paying customers had, then the slots. A slot of
--           which something is held or being paid for is kept. A removed slot has no owner of places: nothing can be taken
--           there.
-- Results   {"purged", bookings, slots, kept, more}    more: call again, passing over those that were kept, too
-- Facts     none: who reads Postgres works out there what has expired
do
  -- Removes slots that are due; returns how many, how many are kept, and how many were looked at.
  local function purge_pools(u, skip, most)
    local due = redis.call('ZRANGEBYSCORE', u.keys[KEY_SLOTS], '-inf', u.digits[u.now_ms], 'LIMIT', skip, most)
    local gone, kept = 0, 0
    for _, field in ipairs(due) do
      local event, name = string.match(field, '^(%d+)/(slot:[%d:T-]+)$')
      local pool = event and unit_pool(u, tonumber(event), name)
      local later = pool and u.changed_pools[field] and (pool.until_ms or 0) > u.now_ms -- by a command of this call
      if pool and not later and pool.held + pool.paying > 0 then
        kept = kept + 1
      elseif pool and not later then
        u.pools[tonumber(event)][name], u.changed_pools[field], u.slots[field] = false, nil, true
        table.insert(u.gone_pools, field)
        gone = gone + 1
      elseif not pool and not u.slots[field] then -- else an earlier command of this call has removed it
        damaged('no pool ' .. field)
      end
    end
    return gone, kept, #due
  end

  local function purge_slots(u, command)
    local keys = u.keys
    local booked, has_slots = redis.call('HLEN', keys[KEY_BOOKINGS]), redis.call('ZCARD', keys[KEY_SLOTS]) > 0
    -- Purchases may be left without a slot by earlier releases; bookings never are.
    if booked > redis.call('ZCARD', keys[KEY_PURGES]) or booked > 0 and not has_slots then
      damaged('bookings without an end, or without slots')
    end
    local removed_bookings, removed = bookings.purge_due(u)
    local slots, kept, seen = 0, 0, 0
    if removed < u.slice then
      slots, kept, seen = purge_pools(u, command[2], u.slice - removed)
    end
    return reply('purged', removed_bookings, slots, kept, removed + seen == u.slice)
  end

  commands.purge_slots = { run = purge_slots }
end
