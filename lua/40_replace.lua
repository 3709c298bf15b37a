-- replace: gives a live hold other places of its event, all that are asked for or none.
--
-- Command   {"replace", rid, event_id, customer_id, items, address, archived}; items and address as in hold, the customer
--           that of the reservation, archived as in cancel
-- Keys      events, pools, slots, seats:<event>:<pool>, customers, bookings, purges, ledger, deadlines, hold:<rid>
-- Promise   All of it or nothing. Its own places are free for the choice. The deadline does not move, nor does the price of
--           places that stay. Of a ticket that is not on sale now nothing new is taken; places that it has may stay. A repeat
--           has the same answer, except that best seats are chosen again. While its code is valid, other places of tickets
--           that it covers come under it.
-- Results   {"rate_limited", who, retry_ms}, {"too_many_holds", limit} as in hold
--           {"not_found"}   no such reservation of the customer
--           {"expired"}, {"payment_in_progress"}, {"already_paid"}, {"already_cancelled"}, {"not_held"}
--           {"unknown_pool", ticket_id}, {"sale_closed"}, {"sale_paused"}, {"not_on_sale_yet", opens_ms},
--           {"slot_not_scheduled", slot}, {"slot_past"}, {"below_minimum", ticket_id, minimum},
--           {"queue_required"}, {"not_your_turn", ahead}, {"pass_expired"},
--           {"limit_exceeded", limit, taken}, {"held_unbought", who, most, places, hold_ms, retry_ms},
--           {"sold_out", ticket_id, available, largest_block, next_return_ms}, {"seat_taken", {{pool, {seat...}}...}}, {"again"},
--           {"out_of_memory"}
--                          as in hold. A pass is needed for as many other places, too; fewer are always possible
--           {"only_fewer"}   it is an offer of a waiting list, which may only be reduced
--           {"code_used_up"}, {"code_not_applicable", most}   more places under the code that it names than that allows
--           {"held", now_ms, replayed, record}
-- Facts     changed, where anything did
do
  -- The places of lines in a pool.
  local function places_in(lines, name)
    local places = 0
    for _, line in ipairs(lines) do
      places = places + (line[LINE_POOL] == name and line[LINE_QUANTITY] or 0)
    end
    return places
  end

  -- True if lines have a place that those before have not.
  local function has_others(lines, before)
    for _, line in ipairs(lines) do
      local name = line[LINE_POOL]
      if places_in(lines, name) > places_in(before, name)
        or changes.has_seats(line) and #changes.seats_without(line[LINE_SEATS], changes.seats_in_pool(before, name)) > 0 then
        return true
      end
    end
    return false
  end

  -- The lines under a code.
  local function lines_under_code(lines)
    local under = {}
    for _, line in ipairs(lines) do
      under[#under + 1] = line[LINE_OFF_MINOR] and line or nil
    end
    return under
  end

  -- The refusal of items that cannot be had now at all, or nil. `entry`: the record's code, while that is valid.
  local function refusal_of(u, r, terms, items, entry)
    local had, has_new = {}, false
    for i = 1, #items do
      had[i] = changes.is_had(r.lines, items, items[i])
      has_new = has_new or not had[i]
    end
    local refusal = has_new and sale.refusal(u, terms, entry) or nil
    for i = 1, #items do
      refusal = refusal or sale.item_refusal(u, terms, items[i], entry, had[i])
    end
    return refusal or sale.minimum_refusal(terms, items)
  end

  local function replace(u, command)
    local r = unit_record(u, command[2]) or record_archived(command[2], command[7])
    if not r or r.customer ~= command[4] then
      return reply('not_found')
    end
    local items, terms = cjson.decode(command[5]), unit_terms(u, r.event)
    local entry = r.code and codes.find(u, r.event, r.code[1], r.customer) or nil
    local refusal = changes.refusal(r) or refusal_of(u, r, terms, items, entry)
    if refusal then
      return refusal
    end
    local lines
    lines, refusal = changes.choose(u, r, terms, items, entry, 'held')
    if not lines then
      return u.backlog and reply('again') or refusal
    end
    local has_more_under_code = entry and has_others(lines_under_code(lines), lines_under_code(r.lines))
    refusal = has_more_under_code and codes.lines_refusal(entry, lines)
    if refusal then
      return refusal
    end
    local has_more = has_others(lines, r.lines)
    if has_more and r.digest == OFFER_DIGEST then
      return reply('only_fewer') -- its deadline is not that of places which anybody may hold
    end
    local gained = record_places({ lines = lines }) - record_places(r)
    refusal = terms.room and has_more and rooms.refusal(u, r.event, r.customer, math.max(0, gained))
    if refusal then
      return refusal
    end
    refusal = gained > 0 and bookings.refusal_of_more(u, r.event, terms, r.customer, gained)
      or u.hoards and gained > 0 and hoarding.refusal_of_more(u, r, gained, terms)
    if refusal then
      return refusal
    end
    if gained > 0 and u.memory_full then
      return reply('out_of_memory')
    end
    if cmsgpack.pack(lines) == cmsgpack.pack(r.lines) then
      return reply_record(u, 'held', r, true)
    end
    changes.apply(u, r, lines, changes.places_beyond(lines, r.lines), changes.places_beyond(r.lines, lines))
    return reply_record(u, 'held', r, false)
  end

  -- True unless the reservation has ended: then the command only gets an answer.
  local function takes(u, command)
    local r = unit_record(u, command[2])
    return r and r.state == 'held'
  end

  commands.replace = {
    run = replace, names_reservation = true, names_customer = true, asks = { customer = 4, address = 6 }, takes = takes,
  }
end
