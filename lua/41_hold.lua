-- hold: takes places for a while, all that are asked for or none.
--
-- Command   {"hold", rid, event_id, customer_id, details, digest, items, hold_ms, address}
--           items: JSON, an array of items, each
--                 [ticket_id, quantity] of places that are all alike
--                 [ticket_id, quantity, pool, [seat...]] of seats that are named, in ascending order
--                 [ticket_id, quantity, together] of the best seats to be had (31_best_available.lua)
--                 [ticket_id, quantity, start_ms] of a slot's places
--           hold_ms: for how long at most; 0: for as long as the event says
--           address: where the request comes from, empty where that is not limited (18_limits.lua)
--           details: text about the customer, kept as it is; digest: of the request, to know a repeat from a misuse
-- Keys      events, pools, slots, seats:<event>:<pool>, customers, ledger, deadlines, hold:<rid>
-- Promise   The same rid again has no further effect and the same answer, also after the hold ended or the sale closed;
--           so a repeat is looked for before anything else is judged.
-- Results   {"rate_limited", who, retry_ms}         too fast, or a cool-down (18_limits.lua)
--           {"too_many_holds", limit}               so many holds of the customer live at the event
--           {"key_reused"}                          the rid was taken for another request
--           {"unknown_pool", ticket_id}             no such event (ticket 0) or no such ticket in it
--           {"sale_closed"}                         the event is closed, cancelled or past its window
--           {"not_on_sale_yet", opens_ms}           a draft (0), or before its window
--           {"slot_past"}                           a slot that is asked for has begun
--           {"limit_exceeded", limit, taken}        more than one customer may have of the event
--           {"sold_out", ticket_id, available, largest_block}
--                                                   some ticket has fewer places left, or not together
--           {"seat_taken", {{pool, {seat...}}...}}  some of the seats that are named are not available: these
--           {"again"}                               one of the last three, but holds that ran out are not all given back
--                                                   yet: send the command again
--           {"held", now_ms, replayed, record}
-- Facts     held

-- How many places the items have; or nil and the refusal of one that cannot be had at all.
local function count_places(u, terms, items)
  local places = 0
  for i = 1, #items do
    local item = items[i]
    local refusal = item_refusal(u, terms.tickets[item[1]], item)
    if refusal then
      return nil, refusal
    end
    places = places + item[2]
  end
  return places
end

local function hold(u, command, number)
  local rid, event, customer, details, digest, wish, hold_ms =
    command[2], command[3], command[4], command[5], command[6], command[7], command[8]
  local before = u.records[rid] and unit_record(u, rid)
  if before then
    if before.digest ~= digest then
      return reply('key_reused')
    end
    return reply_record(u, 'held', before, true)
  end
  local terms = unit_terms(u, event)
  if not terms then
    return reply('unknown_pool', 0)
  end
  -- Those who ask for places of one ticket without seats, and for as many, share the lines; what was judged before they
  -- were made holds for all of them.
  local lines, places, items, refusal = terms.shared_lines[wish], terms.shared_places[wish], nil, nil
  if not lines then
    items = cjson.decode(wish)
    refusal = sale_refusal(u, terms)
    if refusal then
      return refusal
    end
    places, refusal = count_places(u, terms, items)
    if not places then
      return refusal
    end
  end
  local customer_field = u.named_customers[number]
  local taken = u.customers[customer_field]
  if taken + places > terms.max_per_customer then
    return u.backlog and reply('again') or reply('limit_exceeded', terms.max_per_customer, taken)
  end
  if not lines then
    lines, refusal = choose_lines(u, event, terms, items)
    if not lines then
      return u.backlog and reply('again') or refusal
    end
    if not items[2] and terms.tickets[items[1][1]].seating == 'general' then
      terms.shared_lines[wish], terms.shared_places[wish] = lines, places
    end
  end
  local line, available = unit_take(u, event, lines)
  if line then
    return u.backlog and reply('again') or reply('sold_out', line[LINE_TICKET], available, 0)
  end
  unit_set_customer(u, customer_field, taken + places)
  hold_ms = hold_ms > 0 and math.min(hold_ms, terms.hold_ms) or terms.hold_ms
  local record = unit_add_hold(u, u.named_keys[number], rid, event, customer, details, digest, u.now_ms + hold_ms, lines)
  return reply_head(u, 'held', false), record
end
