-- Takings of an event: whether anything of it was ever taken, as far as this server still tells. What the outbox tells no more
-- is in Postgres: the caller looks there, too.

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

  -- True if an entry of the outbox tells of places of the event's ticket; of any, where that is 0.
  local function entry_tells(entry, event, prefix, ticket_id)
    local values = entry[2]
    for i = 1, #values, 2 do
      local raw = values[i + 1]
      if values[i] == 'f' and string.find(raw, prefix, 1, true) then -- most tell of other events
        for _, fact in ipairs(cmsgpack.unpack(raw)) do
          local r = record_decode(fact[2], cmsgpack.pack(fact[4]))
          if r.event == event and (ticket_id == 0 or has_ticket(r.lines, ticket_id) or has_ticket(r.kept, ticket_id)) then
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

  -- True if a command of this call took places of it: the outbox does not tell of them yet.
  local function taken_by_call(u, event, prefix, ticket_id)
    for rid in pairs(u.records) do
      local r = string.sub(rid, 1, #prefix) == prefix and unit_record(u, rid)
      if r and (ticket_id == 0 or has_ticket(r.lines, ticket_id) or has_ticket(r.kept, ticket_id)) then
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

  -- The refusal of what is possible only while nothing of the event's ticket (0: of any) was taken; nil where nothing was that
  -- is told here. `in_use` names the currency, if that is given. `again`: the outbox is too long to be looked through now.
  function takings.refusal(u, event, ticket_id, currency)
    local prefix = u.digits[event] .. '-'
    if taken_by_call(u, event, prefix, ticket_id) then
      return reply('in_use', currency or '')
    end
    local entries = redis.call('XRANGE', u.keys[KEY_OUTBOX], '-', '+', 'COUNT', MOST_ENTRIES + 1)
    if #entries > MOST_ENTRIES then
      return reply('again')
    end
    for _, entry in ipairs(entries) do
      if entry_tells(entry, event, prefix, ticket_id) then
        return reply('in_use', currency or '')
      end
    end
    return nil
  end
end
