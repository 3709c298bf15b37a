-- Takings of an event: whether anything of it was ever taken, as far as this server knows. Facts that the outbox no longer has
-- are in Postgres: the caller looks there, too.

local takings = {}
do
  -- The most entries of the outbox to look through.
  local MOST_ENTRIES = 1000

  -- True if one of the lines is of the ticket.
  local function has_ticket(lines, ticket_id)
    for _, line in ipairs(lines) do
      if line[LINE_TICKET] == ticket_id then
        return true
      end
    end
    return false
  end

  -- True if an exchange gave a record places of the ticket, took them, or waits for their money.
  local function has_exchanged(attempts, ticket_id)
    for _, attempt in ipairs(attempts) do
      for _, exchange in ipairs(attempt[ATTEMPT_EXCHANGE] or {}) do
        if has_ticket(exchange[1], ticket_id) or has_ticket(exchange[2], ticket_id) then
          return true
        end
      end
    end
    return false
  end

  -- True if a record has places of the event's ticket, or had; of any, where that is 0.
  local function is_of(r, event, ticket_id)
    return r.event == event and (ticket_id == 0 or has_ticket(r.lines, ticket_id) or has_ticket(r.kept, ticket_id)
      or has_exchanged(r.attempts, ticket_id))
  end

  -- The same of a fact: of its record no more is looked at than that.
  local function fact_tells(fact, event, prefix, ticket_id)
    return string.sub(fact[2], 1, #prefix) == prefix
      and is_of({ event = event, lines = fact[4][9], attempts = fact[4][10], kept = fact[4][11] }, event, ticket_id)
  end

  -- True if an entry of the outbox has places of the event's ticket; of any, where that is 0. `packed`: the ticket's id as a line
  -- has it. To look for it costs a twentieth of unpacking the facts.
  local function entry_tells(entry, event, prefix, ticket_id, packed)
    local values = entry[2]
    for i = 1, #values, 2 do
      local raw = values[i + 1]
      if values[i] == 'f' and string.find(raw, prefix, 1, true) -- most tell of other events, or tickets
        and (ticket_id == 0 or string.find(raw, packed, 1, true)) then
        for _, fact in ipairs(cmsgpack.unpack(raw)) do
          if fact_tells(fact, event, prefix, ticket_id) then
            return true
          end
        end
      elseif values[i] == 'b' and ticket_id == 0 then
        for _, fact in ipairs(cmsgpack.unpack(raw)) do
          if fact[3][2] == event then
            return true
          end
        end
      end
    end
    return false
  end

  -- True if a command of this call took places of it: the outbox does not have them yet.
  local function taken_by_call(u, event, prefix, ticket_id)
    for rid in pairs(u.records) do
      local r = string.sub(rid, 1, #prefix) == prefix and unit_record(u, rid)
      if r and is_of(r, event, ticket_id) then
        return true
      end
    end
    for _, b in pairs(ticket_id == 0 and u.changed_bookings or {}) do
      if b and b.event == event then
        return true
      end
    end
    return false
  end

  -- True if a live record of that index has places of it, or had. Places of a due refund may be on sale again.
  local function indexed(u, key, event, prefix, ticket_id)
    for _, rid in ipairs(redis.call('ZRANGE', u.keys[key], 0, -1)) do
      if string.sub(rid, 1, #prefix) == prefix then
        local raw = redis.call('HGET', u.keys[KEY_LEDGER], rid) or damaged('no ledger entry: ' .. rid)
        if is_of(record_decode(rid, raw), event, ticket_id) then
          return true
        end
      end
    end
    return false
  end

  -- The same of all live records. Pools count held places already, but those of slots do not say of which ticket.
  local function is_live(u, event, prefix, ticket_id)
    local timed = slots.are_there(u, event)
    return timed and ticket_id == 0 or indexed(u, KEY_UNSETTLED, event, prefix, ticket_id)
      or timed and indexed(u, KEY_DEADLINES, event, prefix, ticket_id)
  end

  -- The refusal of a change that needs a ticket of which nothing was taken; ticket 0 stands for all of the event. Nil if
  -- nothing was taken that is known here. `in_use` names the currency, if that is given. `again`: the outbox is too long to
  -- be looked through now.
  function takings.refusal(u, event, ticket_id, currency)
    local prefix = u.digits[event] .. '-'
    if taken_by_call(u, event, prefix, ticket_id) or is_live(u, event, prefix, ticket_id) then
      return reply('in_use', currency or '')
    end
    local entries = redis.call('XRANGE', u.keys[KEY_OUTBOX], '-', '+', 'COUNT', MOST_ENTRIES + 1)
    if #entries > MOST_ENTRIES then
      return reply('again')
    end
    for _, entry in ipairs(entries) do
      if entry_tells(entry, event, prefix, ticket_id, u.packed[ticket_id]) then
        return reply('in_use', currency or '')
      end
    end
    return nil
  end
end
