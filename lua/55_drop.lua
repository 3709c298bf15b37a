-- drop: takes a ticket of which nothing was ever taken out of its event, or the whole event.
--
-- Command   {"drop", event_id, ticket_id, terms}
--           ticket_id: 0: the event with all its tickets
--           terms: those that are left, as in put_event; nil where the event goes
-- Keys      events, pools, outbox, seats:<event>:<pool>
-- Promise   All of it or nothing, and nothing of it can be taken from then on. Looked at is what is taken now, and what the
--           outbox still tells. What was told before that is in Postgres: the caller looks there, after this.
-- Results   {"in_use", ""}   something of it is taken, or was; or places of the ticket are set aside for a code
--           {"again"}        the outbox is too long to be looked through now
--           {"published"}    also when there is no such thing
-- Facts     none
do
  -- The pools that nobody offers any more; or nil where places of one are taken.
  local function pools_to_drop(u, event, before, after)
    local offered, gone, set_aside = {}, {}, not after and codes.set_aside_of(u, event) or {}
    for _, ticket in pairs(after and after.tickets or {}) do
      for _, name in ipairs(ticket.pools) do
        offered[name] = true
      end
    end
    for _, ticket in pairs(before.tickets) do
      for _, name in ipairs(ticket.pools) do
        local pool = not offered[name] and unit_pool(u, event, name)
        if pool and pool.available + (set_aside[name] or 0) < pool.capacity then
          return nil
        end
        if pool then
          offered[name] = true -- once is enough
          gone[#gone + 1] = name
        end
      end
    end
    return gone
  end

  local function drop(u, command)
    local event, ticket_id, terms = command[2], command[3], command[4]
    local before, packed = unit_terms(u, event), terms and cmsgpack.pack(terms)
    if not before then
      return reply('published')
    end
    local after = packed and terms_decode(event, packed)
    local gone = pools_to_drop(u, event, before, after)
    local used = not gone or waitlists.has_waiting(u, event, ticket_id) or after and codes.sets_aside(u, event, ticket_id)
    local refusal = used and reply('in_use', '')
      or takings.refusal(u, event, ticket_id)
    if refusal then
      return refusal
    end
    for _, name in ipairs(gone) do
      local field, map = event_field(u, event, name), maps.of(u, event, name)
      u.pools[event][name], u.changed_pools[field], u.maps[event][name] = false, nil, false
      table.insert(u.gone_pools, field)
      if map then
        u.changed_maps[map.key] = nil
        table.insert(u.gone_maps, map.key)
      end
    end
    if not after then
      codes.drop(u, event)
    end
    u.terms[event], u.changed_terms[event] = after or false, packed or false
    u.dropped[event] = not after or nil
    return reply('published')
  end

  commands.drop = { run = drop }
end
