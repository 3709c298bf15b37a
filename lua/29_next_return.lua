-- Places that may come back: when the next hold of an event expires.

local returns = {}
do
  local DEADLINES_AT_ONCE, MOST_DEADLINES = 100, 1000

  -- The earliest stored deadline of a live hold of the event among the first of the partition, or nil.
  -- Reservation ids begin with the id of their event.
  local function stored_deadline_ms(u, prefix)
    for first = 0, MOST_DEADLINES - 1, DEADLINES_AT_ONCE do
      local found = redis.call('ZRANGE', u.keys[KEY_DEADLINES], first, first + DEADLINES_AT_ONCE - 1, 'WITHSCORES')
      for i = 1, #found, 2 do
        local r = u.records[found[i]]
        local ended = type(r) == 'table' and r.state ~= 'held' -- by this call, which has not written it yet
        if not ended and string.sub(found[i], 1, #prefix) == prefix then
          return tonumber(found[i + 1])
        end
      end
      if #found < 2 * DEADLINES_AT_ONCE then
        return nil
      end
    end
    return nil
  end

  -- The earliest deadline of a live hold of the event; 0 if none is known.
  function returns.next_ms(u, event)
    local prefix = u.digits[event] .. '-'
    local earliest = stored_deadline_ms(u, prefix) or math.huge
    for i = 1, 2 * u.new.count, 2 do -- holds that this call makes
      local rid = u.new.deadlines[i + 1]
      if string.sub(rid, 1, #prefix) == prefix and (type(u.records[rid]) == 'string' or u.records[rid].state == 'held') then
        earliest = math.min(earliest, tonumber(u.new.deadlines[i]))
      end
    end
    for _, r in ipairs(u.changed_records) do -- and those that it holds again
      if r.event == event and r.state == 'held' then
        earliest = math.min(earliest, r.deadline_ms)
      end
    end
    return earliest < math.huge and earliest or 0
  end

  -- The refusal of places of a ticket, of which these pools have fewer. If nothing is available and something is held, it
  -- names the deadline of the next hold. That is looked for once for all refusals of a call, until something happens in it.
  function returns.sold_out(u, event, ticket_id, pools, available, largest)
    local held, next_ms = 0, 0
    for i = 1, available == 0 and #pools or 0 do
      held = held + unit_pool(u, event, pools[i]).held
    end
    if held > 0 then
      local known = u.returns[event]
      if not known or known.facts ~= u.facts then
        known = { facts = u.facts, next_ms = returns.next_ms(u, event) }
        u.returns[event] = known
      end
      next_ms = known.next_ms
    end
    return reply('sold_out', ticket_id, available, largest, next_ms)
  end
end
