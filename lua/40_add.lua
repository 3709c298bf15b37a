-- add: takes more places into a live hold, or makes the hold.
--
-- Command   {"add", rid, event_id, customer_id, details, item, hold_ms, address, expected_minor, code, until_ms}
--           hold_ms, address, expected_minor, code: as in hold
--           until_ms: the latest end of a hold that it makes; 0: none
--           item, of places that are all alike: how many the reservation then has of the ticket, or of the ticket at that
--           slot. If they are fewer than before, it gives back the places that it took last.
--           item, of a seat: a seat that it has already stays. Under another ticket, it then has that ticket's price.
--           expected_minor: the total of the places of the item; -1: whatever it is
--           code: of what is taken now; what the reservation has stays as it is. A reservation names one code.
-- Keys      events, pools, slots, seats:<event>:<pool>, customers, bookings, purges, ledger, deadlines, hold:<rid>
-- Promise   All of it or nothing. The deadline of a live hold does not move, nor does the price of what it has.
--           Again: the same answer.
-- Results   {"rate_limited", who, retry_ms}, {"too_many_holds", limit} as in hold
--           {"expired"}, {"payment_in_progress"}, {"already_paid"}, {"already_cancelled"}, {"not_held"}
--           {"unknown_pool", ticket_id}, {"sale_closed"}, {"sale_paused"}, {"not_on_sale_yet", opens_ms},
--           {"slot_not_scheduled", slot}, {"slot_past"}, {"below_minimum", ticket_id, minimum},
--           {"price_changed", total_minor, currency}, {"queue_required"}, {"not_your_turn", ahead}, {"pass_expired"},
--           {"limit_exceeded", limit, taken}, {"held_unbought", who, most, places, hold_ms, retry_ms},
--           {"sold_out", ticket_id, available, largest_block, next_return_ms}, {"seat_taken", {{pool, {seat...}}...}}, {"again"},
--           {"code_unknown"}, {"code_used_up"}, {"code_not_applicable", most}, {"out_of_memory"}
--                          as in hold. Assigned seats have no minimum, as a cart takes them one by one. A second code is
--                          not applicable.
--           {"held", now_ms, replayed, record}
-- Facts     held where it makes the hold, else changed where anything did
do
  -- The lines that a record has after adding places that are all alike, what it gains and what it loses. Those that it has
  -- keep their price.
  local function lines_after_places(u, r, ticket, item, entry)
    local name, had = sale.place_line(u, r.event, ticket, item)[LINE_POOL], 0
    for _, line in ipairs(r.lines) do
      if line[LINE_TICKET] == item[1] and line[LINE_POOL] == name then
        had = had + line[LINE_QUANTITY]
      end
    end
    if item[2] > had then
      local gained = { sale.place_line(u, r.event, ticket, { item[1], item[2] - had, item[3], item[4] }) }
      gained = entry and codes.priced(entry, gained) or gained
      return changes.lines_joined(r.lines, gained), gained, {}
    elseif item[2] < had then
      local lines, lost = changes.lines_without_places(r.lines, item[1], name, had - item[2])
      return lines, {}, lost
    end
    return r.lines, {}, {}
  end

  -- The same for seats that are named. One that it has stays, at its price; under another ticket at the price of that.
  local function lines_after_seats(u, r, terms, ticket, item, entry)
    local same = {}
    for _, line in ipairs(r.lines) do
      same[#same + 1] = line[LINE_TICKET] == item[1] and line or nil
    end
    local name = item[3]
    local new = changes.seats_without(item[4], changes.seats_in_pool(r.lines, name))
    local priced = changes.seats_without(item[4], changes.seats_in_pool(same, name))
    if #priced == 0 then
      return r.lines, {}, {}
    end
    local gained, refusal = sale.choose_lines(u, r.event, terms, { { item[1], item[2], name, new } }, entry)
    if not gained then
      return nil, refusal
    end
    local more = { { item[1], name, #priced, ticket.unit_minor, priced } }
    more = entry and codes.priced(entry, more) or more
    return changes.lines_joined(changes.lines_without_seats(r.lines, name, priced), more), #new > 0 and gained or {}, {}
  end

  -- The lines that a record has after adding, what it gains and what it loses; or nil and the refusal.
  local function lines_after_adding(u, r, terms, item, entry)
    local ticket = terms.tickets[item[1]]
    if ticket.seating ~= 'assigned' then
      return lines_after_places(u, r, ticket, item, entry)
    elseif item[4] then
      return lines_after_seats(u, r, terms, ticket, item, entry)
    end
    local gained, refusal = sale.choose_lines(u, r.event, terms, { item }, entry)
    if not gained then
      return nil, refusal
    end
    return changes.lines_joined(r.lines, gained), gained, {}
  end

  -- The price of an item's places in these lines; of best seats those that were gained.
  local function item_total(u, r, terms, item, lines, gained)
    local ticket = terms.tickets[item[1]]
    if ticket.seating == 'assigned' and not item[4] then
      return record_total({ lines = gained })
    end
    local assigned = ticket.seating == 'assigned'
    local name = assigned and item[3] or sale.place_line(u, r.event, ticket, item)[LINE_POOL]
    local total = 0
    for _, line in ipairs(lines) do
      if line[LINE_TICKET] == item[1] and line[LINE_POOL] == name then
        local others = assigned and #changes.seats_without(line[LINE_SEATS], item[4]) or 0
        total = total + (line[LINE_QUANTITY] - others) * line[LINE_UNIT_MINOR]
      end
    end
    return total
  end

  local function add(u, command, number)
    local r, item, expected_minor, code = unit_record(u, command[2]), command[6], command[9], command[10] or ''
    if not r then
      local wish, asked_ms, until_ms = cjson.encode({ item }), command[7], command[11] or 0
      if until_ms > 0 then
        if u.now_ms >= until_ms then
          return reply('expired')
        end
        asked_ms = asked_ms > 0 and math.min(asked_ms, until_ms - u.now_ms) or until_ms - u.now_ms
      end
      return commands.hold.run(u, {
        'hold', command[2], command[3], command[4], command[5], '', wish, asked_ms, '', expected_minor, code, false, false,
        '', true,
      }, number)
    end
    local terms, entry = unit_terms(u, r.event), nil
    local refusal = changes.refusal(r)
    if not refusal and code ~= '' then
      entry, refusal = codes.find(u, r.event, code, r.customer)
      refusal = refusal or codes.item_refusal(entry, r, item)
    end
    refusal = refusal or sale.refusal(u, terms, entry) or sale.item_refusal(u, terms, item, entry)
      or sale.minimum_refusal(terms, { item }, true)
    if refusal then
      return refusal
    end
    local lines, gained, lost = lines_after_adding(u, r, terms, item, entry)
    if not lines then
      return u.backlog and reply('again') or gained
    end
    local places = record_places({ lines = gained })
    refusal = entry and codes.lines_refusal(entry, lines)
      or terms.room and places > 0 and not codes.passes_room(u, terms, entry) and rooms.refusal(u, r.event, r.customer, places)
    if refusal then
      return refusal
    end
    refusal = places > 0 and bookings.refusal_of_more(u, r.event, terms, r.customer, places)
      or u.hoards and places > 0 and hoarding.refusal_of_more(u, r, places, terms)
    if refusal then
      return refusal
    end
    refusal = entry and codes.used_up(u, entry, lines, r.lines, not r.code)
    if refusal then
      return refusal
    end
    local line, available = codes.short_line(u, r.event, entry, gained)
    if line then
      return u.backlog and reply('again') or returns.sold_out(u, r.event, line[LINE_TICKET], { line[LINE_POOL] }, available, 0)
    end
    local total_minor = expected_minor >= 0 and item_total(u, r, terms, item, lines, gained)
    if total_minor and total_minor ~= expected_minor then
      return reply('price_changed', total_minor, terms.currency)
    end
    if #gained > 0 and u.memory_full then
      return reply('out_of_memory')
    end
    local unchanged = lines == r.lines
    if not unchanged then
      if entry and not r.code then
        codes.name(u, r, entry)
      end
      changes.apply(u, r, lines, gained, lost)
    end
    return reply_record(u, 'held', r, unchanged)
  end

  -- True unless the reservation has ended: then the command only gets an answer.
  local function takes(u, command)
    local r = unit_record(u, command[2])
    return not r or r.state == 'held'
  end

  commands.add = {
    run = add, names_reservation = true, names_customer = true, code_at = 10, asks = { customer = 4, address = 8 },
    takes = takes,
  }
end
