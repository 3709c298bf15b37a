-- put_codes: makes codes of an event, or gives existing codes other terms, also under live sales.
--
-- Command   {"put_codes", event_id, terms, codes, is_new, follows}; terms as in codes.decode_terms (30_codes.lua)
--           codes: a thousand at most
--           is_new: none of them exists, unless it was withdrawn and nothing is left of its uses
--           follows: of one code, whose places Postgres already has: as many of them as possible are set aside. It then has
--           only that many places, which the result reports
-- Keys      events, pools, codes:<event>, allotments
-- Promise   All of them or none. Reservations that name a code keep their terms, and count as uses. Of an allocation, the
--           places that nobody has are set aside; if it is withdrawn, or after its end, none. A repeat changes nothing.
-- Results   {"unknown_pool", ticket_id}              no such event (0), or no such ticket whose places are all alike
--           {"in_use", ""}                           a new one is there already
--           {"below_taken", pool, capacity, taken}   more places are taken under it than it would have
--           {"sold_out", ticket_id, available, 0, next_return_ms}   the ticket has fewer places left than it needs
--           {"again"}                                as the last two, while expired holds are not all given back
--           {"codes_put", now_ms, places}            how many are set aside or taken, of the last of them
-- Facts     none: Postgres has them
do
  -- The places of a code with these terms that must be free, and whether any are set aside.
  local function wanted_free(u, entry, terms)
    local open = terms.kind == 'allocation' and not terms.withdrawn and (terms.until_ms == 0 or u.now_ms < terms.until_ms)
    local taken = entry and entry.held + entry.paying + entry.sold + entry.kept or 0
    return open and terms.places - taken or 0, open, taken
  end

  local function put_codes(u, command)
    local event, names, is_new, follows = command[2], command[4], command[5], command[6]
    local of_event, packed = unit_terms(u, event), cmsgpack.pack(command[3])
    if not of_event then
      return reply('unknown_pool', 0)
    end
    local terms = codes.decode_terms(packed)
    local ticket = terms.kind == 'allocation' and of_event.tickets[terms.ticket_ids[1]]
    if terms.kind == 'allocation' and not terms.withdrawn and not (ticket and ticket.seating == 'general') then
      return reply('unknown_pool', terms.ticket_ids[1])
    end
    local name = ticket and ticket.seating == 'general' and ticket.pools[1]
    local pool, more = name and unit_pool(u, event, name), 0
    local free_of, open = {}, false
    codes.want(u, event, names)
    codes.load(u)
    for i, code in ipairs(names) do
      local entry = codes.at(u, event, code)
      if is_new and entry and (not entry.terms.withdrawn or entry.uses + entry.kept > 0) and entry.packed ~= packed then
        return reply('in_use', '')
      end
      local free, taken
      free, open, taken = wanted_free(u, entry, terms)
      if free < 0 and not follows then
        return u.backlog and reply('again') or reply('below_taken', name, terms.places, taken)
      end
      free = math.max(0, free)
      local had = entry and entry.free or 0
      if follows and open and free - had > pool.available - more then
        free = math.max(0, had + pool.available - more)
      end
      free_of[i], more = free, more + free - had
    end
    if pool and more > pool.available then
      return u.backlog and reply('again') or returns.sold_out(u, event, terms.ticket_ids[1], { name }, pool.available, 0)
    end
    local places = 0
    for i, code in ipairs(names) do
      local entry = codes.at(u, event, code)
      places = free_of[i] + (entry and entry.held + entry.paying + entry.sold + entry.kept or 0)
      if open and places ~= terms.places then
        command[3][11] = places
        packed = cmsgpack.pack(command[3])
      end
      entry = codes.put(u, event, code, packed)
      if name and (open or entry.open == 1 or entry.free > 0) then
        codes.set_aside(u, entry, free_of[i], open)
      end
    end
    return reply('codes_put', u.now_ms, places)
  end

  commands.put_codes = { run = put_codes }
end
