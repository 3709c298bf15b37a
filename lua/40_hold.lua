-- hold: takes places for a while, all that are asked for or none.
--
-- Command   {"hold", rid, event_id, customer_id, details, digest, items, hold_ms, address, expected_minor, code, over_limit, blocked, key}
--           items: JSON, an array of items, each
--                 [ticket_id, quantity]                     places that are all alike
--                 [ticket_id, quantity, pool, [seat...]]    named seats, in ascending order
--                 [ticket_id, quantity, together]           the best available seats (31_best_available.lua)
--                 [ticket_id, quantity, slot, start_ms]     a slot's places (26_slots.lua)
--           hold_ms: for how long at most; 0: for as long as the event says. Shorter for hoarders (19_hoarding.lua)
--           address: where the request comes from, empty where that is not limited (18_limits.lua)
--           expected_minor: the total that the customer was shown; -1: whatever it is
--           code: under whose terms the places are taken (30_codes.lua); empty: none
--           over_limit: the customer may have more than max_per_customer
--           blocked: seats that are named may be blocked; when they are given back they are blocked again
--           key: answer:{<name>}, which has the event of its idempotency key (28_key_events.lua); empty: none
--           details: text about the customer, kept as it is; digest: of the request, to know a repeat from a misuse
-- Keys      events, pools, slots, seats:<event>:<pool>, customers, bookings, purges, ledger, deadlines, hold:<rid>,
--           doors:<event>:of, key
-- Promise   The same rid again has no further effect and the same answer, also after the hold ended or the sale closed.
--           Once the record is forgotten, one that was sold is refused; another one is new.
--           So a repeat is looked for before anything else is checked.
-- Results   {"rate_limited", who, retry_ms}         too fast, or a cool-down (18_limits.lua)
--           {"too_many_holds", limit}               that many holds of the customer live at the event
--           {"key_reused"}                          the rid was taken for another request, or the key for another event; or its
--                                                   reservation was sold, and its record is forgotten
--           {"out_of_memory"}                       Redis is too full to take anything
--           {"unknown_pool", ticket_id}             no such event (ticket 0) or no such ticket in it
--           {"code_unknown"}                        no such code, or it is not valid now, or another customer's
--           {"sale_closed"}                         the event is closed, cancelled or past its window
--           {"sale_paused"}                         its manager has interrupted the sale
--           {"not_on_sale_yet", opens_ms}           a draft (0), or before its window. A ticket that has a window of its own
--                                                   or is paused also has these three; if it is hidden, unknown_pool
--           {"slot_not_scheduled", slot}            the event has no such slot
--           {"slot_past"}                           a slot that is asked for has begun
--           {"below_minimum", ticket_id, minimum}   fewer places than the ticket is sold in
--           {"code_not_applicable", most}           the code is for none of the tickets (0), or for fewer places at once
--           {"queue_required"}                      the event has a waiting room, and the customer no place in it
--           {"not_your_turn", ahead}                that many are before the customer; 0: it may enter, and has not
--           {"pass_expired"}                        the customer was inside; it may enter again
--           {"limit_exceeded", limit, taken}        more than one customer may have of the event, or than its pass buys
--           {"held_unbought", who, most, places, hold_ms, retry_ms}
--                                                   the account held too much without buying (19_hoarding.lua)
--           {"sold_out", ticket_id, available, largest_block, next_return_ms}
--                                                   some ticket has fewer places left, or not together
--           {"seat_taken", {{pool, {seat...}}...}}  some of the seats that are named are not available: these
--           {"code_used_up"}                        the code has no use, too little budget, or too few places left
--           {"again"}                               one of the last five, but expired holds are not all given back
--                                                   yet: send the command again
--           {"price_changed", total_minor, currency}  the places cost another total than the customer was shown
--           {"held", now_ms, replayed, record}
--           {"alike", number}                       held, as the command of that number in this call is, for the customer,
--                                                   with the details, the digest and the code of this command
-- Facts     held
do
  -- The number of places of the items; or nil and the refusal of an item that can never be held.
  local function count_places(u, terms, items, one_by_one, entry)
    local places = 0
    for i = 1, #items do
      local item = items[i]
      local refusal = sale.item_refusal(u, terms, item, entry)
      if refusal then
        return nil, refusal
      end
      places = places + item[2]
    end
    local refusal = sale.minimum_refusal(terms, items, one_by_one)
    if refusal then
      return nil, refusal
    end
    return places
  end

  -- Keeps the plan of a hold that succeeded, for others that ask for the same. The checks before its lines were made are
  -- true for all of them.
  local function share_plan(u, event, terms, wish, items, asked_ms, hold_ms, lines, places, number, entry)
    if items[2] or terms.tickets[items[1][1]].seating ~= 'general' then
      return
    end
    local plan = new_hold_plan(u, event, terms, asked_ms, hold_ms, lines, places, number)
    if entry then
      codes.share_plan(u, terms, entry, wish, plan, lines)
    else
      terms.plans[wish] = plan
    end
  end

  -- Takes the places of the items, all or none: the lines; or nil and the refusal. `entry`: under this code.
  local function take(u, event, terms, items, expected_minor, entry)
    local lines, refusal = sale.choose_lines(u, event, terms, items, entry)
    if not lines then
      return nil, u.backlog and reply('again') or refusal
    end
    refusal = entry and codes.used_up(u, entry, lines, {}, true)
    if refusal then
      return nil, refusal
    end
    if expected_minor >= 0 then
      local total_minor = record_total({ lines = lines })
      if total_minor ~= expected_minor then
        return nil, reply('price_changed', total_minor, terms.currency)
      end
    end
    local line, available
    if entry then
      line, available = codes.take(u, entry, lines)
    else
      line, available = unit_take(u, event, lines)
    end
    if line then
      refusal = u.backlog and reply('again') or returns.sold_out(u, event, line[LINE_TICKET], { line[LINE_POOL] }, available, 0)
      return nil, refusal
    end
    return lines
  end

  local function hold(u, command, number)
    local rid, event, wish, asked_ms, expected_minor = command[2], command[3], command[7], command[8], command[10] or -1
    local code = command[11] or ''
    local customer_field, known = u.named_customers[number], u.terms[event]
    local before, plan, named = u.records[rid], nil, nil
    if known and code == '' then
      plan = known.plans[wish]
    elseif known then
      plan, named = codes.plan(u, known, event, code, command[4], wish)
    end
    local is_same = plan and plan.asked_ms == asked_ms and (expected_minor < 0 or expected_minor == plan.total_minor)
      and (not u.hoards or hoarding.is_free(u, number, plan.places))
    if u.sold and u.sold[rid] then
      return reply('key_reused')
    end
    if is_same and not before then
      local taken = u.customers[customer_field] or 0
      if taken <= plan.most and plan.places <= plan.pool[plan.from] then
        unit_add_alike(u, plan, u.named_keys[number], command, customer_field, taken, named)
        if u.hoards then
          hoarding.hold_began(u, number, rid, plan.places, plan.deadline_ms)
        end
        return plan.alike
      end
    end
    before = before and unit_record(u, rid)
    if before then
      if before.digest ~= command[6] then
        return reply('key_reused')
      end
      return reply_record(u, 'held', before, true)
    end
    if u.memory_full then
      return reply('out_of_memory')
    end
    local terms = unit_terms(u, event)
    if not terms then
      return reply('unknown_pool', 0)
    end
    local items, entry, refusal = cjson.decode(wish), nil, nil
    if code ~= '' then
      entry, refusal = codes.find(u, event, code, command[4])
    end
    refusal = refusal or sale.refusal(u, terms, entry)
    if refusal then
      return refusal
    end
    local places, lines
    places, refusal = count_places(u, terms, items, command[15], entry)
    if not places then
      return refusal
    end
    refusal = entry and codes.items_refusal(entry, items)
      or terms.room and not codes.passes_room(u, terms, entry) and rooms.refusal(u, event, command[4], places)
    if refusal then
      return refusal
    end
    if (u.customers[customer_field] or 0) + places > terms.max_per_customer and not command[12] then
      refusal = bookings.refusal_of_more(u, event, terms, command[4], places)
      if refusal then
        return refusal
      end
    end
    local taken = u.customers[customer_field] or 0
    refusal = u.hoards and hoarding.refusal(u, number, places, terms)
    if refusal then
      return refusal
    end
    local lent = command[13] and sale.lend(u, event, items)
    lines, refusal = take(u, event, terms, items, expected_minor, entry)
    if not lines then
      if lent then
        sale.take_back(u, event, lent)
      end
      return refusal
    end
    u.customers[customer_field] = taken + places -- unit_add_hold has it written
    local hold_ms = asked_ms > 0 and math.min(asked_ms, terms.hold_ms) or terms.hold_ms
    local granted_ms = u.hoards and hoarding.hold_ms(u, number, terms.hold_ms, hold_ms) or hold_ms
    local record = unit_add_hold(u, u.named_keys[number], rid, event, command[4], command[5], command[6],
      u.now_ms + granted_ms, lines, entry and entry.named)
    if u.hoards then
      hoarding.hold_began(u, number, rid, places, u.now_ms + granted_ms)
    end
    if terms.room then
      rooms.took(u, event, command[4], places)
    elseif granted_ms == hold_ms then
      share_plan(u, event, terms, wish, items, asked_ms, hold_ms, lines, places, number, entry)
    end
    return reply_head(u, 'held', false), record
  end

  -- True unless it is a repeat, which only gets an answer.
  local function takes(u, command)
    return not u.records[command[2]]
  end

  commands.hold = {
    run = hold, names_reservation = true, names_customer = true, code_at = 11, digest_at = 6,
    asks = { customer = 4, address = 9 },
    keyed = { event = 3, key = 14 }, takes = takes,
  }
end
