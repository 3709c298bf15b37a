-- Uses of codes: the uses, the budget and the places of a code, which are taken and given back with a reservation's places.

do
  -- The counters of places that count for a reservation which pays less.
  local OWNED = { held = true, paying = true, sold = true }

  -- The places of lines under a code, and by how much they are cheaper together.
  local function places_under(lines)
    local places, off = 0, 0
    for i = 1, #lines do
      local line_off = lines[i][LINE_OFF_MINOR]
      if line_off then
        places, off = places + lines[i][LINE_QUANTITY], off + lines[i][LINE_QUANTITY] * line_off
      end
    end
    return places, off
  end

  -- True if lines have places under a code.
  function codes.any(lines)
    return places_under(lines) > 0
  end

  -- The refusal of that many places of the code's tickets, or nil.
  function codes.places_refusal(entry, places)
    local most = entry.terms.max_places
    if places == 0 or most > 0 and places > most then
      return reply('code_not_applicable', places == 0 and 0 or most)
    end
    return nil
  end

  -- The refusal of more places under the code than one use may have, or nil.
  function codes.lines_refusal(entry, lines)
    local places = places_under(lines)
    return places > 0 and codes.places_refusal(entry, places) or nil
  end

  -- The same for items that are asked for with it.
  function codes.items_refusal(entry, items)
    local places = 0
    for i = 1, #items do
      places = places + (codes.covers(entry, items[i][1]) and items[i][2] or 0)
    end
    return codes.places_refusal(entry, places)
  end

  -- True if places of a pool are set aside for the code now.
  local function has_own(entry, name)
    return entry.open == 1 and entry.pool_name == name
  end

  -- The pool that an allotment's places are set aside in.
  function codes.pool_name(u, entry)
    if entry.pool_name == nil then
      local terms = unit_terms(u, entry.event)
      local ticket = terms and entry.terms.kind == 'allocation' and terms.tickets[entry.terms.ticket_ids[1]]
      entry.pool_name = ticket and ticket.seating == 'general' and ticket.pools[1] or false
    end
    return entry.pool_name
  end

  -- The refusal of lines under a code, or nil: of those that a reservation has (`had`, in counter `from`) it gives some up for
  -- `lines`. `is_new`: it does not count as a use yet.
  function codes.used_up(u, entry, lines, had, is_new)
    local terms = entry.terms
    local wanted, off = places_under(lines)
    local places, had_off = places_under(had)
    local refused = is_new and terms.max_uses > 0 and entry.uses >= terms.max_uses
      or terms.budget_minor > 0 and off > had_off and entry.spent - had_off + off > terms.budget_minor
      or terms.kind == 'allocation' and (entry.open == 0 and wanted > places or entry.open == 1 and wanted > entry.free + places)
    if not refused then
      return nil
    end
    return u.backlog and reply('again') or reply('code_used_up')
  end

  -- Moves places of a line between two counters of its pool.
  local function move_line(u, event, line, from, to, lends)
    if from ~= to then
      unit_move(u, event, { line }, from, to, lends)
    end
  end

  -- Moves places of lines of a record that names a code: as unit_move, and in the code. What was set aside for it comes from
  -- there, and goes back there as long as places are. Lines of slots that are long past move in the code alone. `lends`: see
  -- unit_move_seats.
  function codes.move(u, r, lines, from, to, lends)
    local entry, allotted = codes.at(u, r.event, r.code[1]), r.code[2] == 'allocation'
    if not entry then
      unit_move(u, r.event, lines, from, to, lends)
      return
    end
    codes.pool_name(u, entry)
    for i = 1, #lines do
      local line = lines[i]
      local off, quantity = line[LINE_OFF_MINOR], line[LINE_QUANTITY]
      local own = off and allotted and has_own(entry, line[LINE_POOL])
      local there = unit_pool(u, r.event, line[LINE_POOL])
      if there then
        move_line(u, r.event, line, own and from == 'available' and 'kept' or from, own and to == 'available' and 'kept' or to,
          lends)
      end
      if off then
        if own then
          entry.free = entry.free + (to == 'available' and quantity or 0) - (from == 'available' and quantity or 0)
        end
        if from ~= 'available' then
          entry[from] = entry[from] - quantity
        end
        if to ~= 'available' and (there or to ~= 'kept') then
          entry[to] = entry[to] + quantity
        end
        entry.spent = entry.spent + (OWNED[to] and off * quantity or 0) - (OWNED[from] and off * quantity or 0)
      end
    end
    codes.change(u, entry)
  end

  -- The code as a record names it.
  local function named(entry)
    entry.named = entry.named or { entry.code, entry.terms.kind }
    return entry.named
  end

  -- Takes the places of lines, on which codes.used_up was asked, for a new hold that names the code. Returns nil; or the first
  -- unavailable line, and how many places its pool has.
  function codes.take(u, entry, lines)
    local short, available = codes.short_line(u, entry.event, entry, lines)
    if short then
      return short, available
    end
    codes.move(u, { event = entry.event, code = named(entry) }, lines, 'available', 'held')
    entry.uses = entry.uses + 1
    return nil
  end

  -- The refusal of an item for a reservation that names another code, or with a code that does not cover it, or nil.
  function codes.item_refusal(entry, r, item)
    if r.code and r.code[1] ~= entry.code or not codes.covers(entry, item[1]) then
      return reply('code_not_applicable', 0)
    end
    return nil
  end

  -- A live reservation names the code from now on: what it takes next may come under it.
  function codes.name(u, r, entry)
    r.code = named(entry)
    codes.count_use(u, r, 1)
  end

  -- True if a code opens the sale before everybody's: nobody is inside the waiting room by then.
  function codes.passes_room(u, terms, entry)
    return entry and u.now_ms < terms.opens_ms
  end

  -- Counts a use of the code that a record names, or one less.
  function codes.count_use(u, r, more)
    local entry = codes.at(u, r.event, r.code[1])
    if entry then
      entry.uses = entry.uses + more
      codes.change(u, entry)
    end
  end

  -- Takes the code off a record whose money came after its places were given back. It does so where the code was withdrawn, and
  -- its text is that of an allocation of other places now. The record keeps its price, and takes nothing that is set aside.
  function codes.unname_former(u, r)
    local entry = r.code and codes.at(u, r.event, r.code[1])
    local ticket_id = entry and entry.terms.kind == 'allocation' and entry.terms.ticket_ids[1]
    if not ticket_id then
      return
    end
    local is_former = r.code[2] ~= 'allocation'
    for i = 1, #r.lines do
      is_former = is_former or r.lines[i][LINE_OFF_MINOR] and r.lines[i][LINE_TICKET] ~= ticket_id
    end
    if is_former then
      r.code = nil
    end
  end

  -- A record names its code no longer: nothing that it has is under it. Its places that were refunded and kept off sale
  -- leave the code, too. To restock them is no matter of the code any more.
  function codes.unname(u, r)
    local entry = codes.at(u, r.event, r.code[1])
    if entry then
      entry.kept = entry.kept - places_under(r.kept)
    end
    codes.count_use(u, r, -1)
    r.code = nil
  end

  -- The first line of a hold that is not available, and how many places its pool has. As unit_short_line, except for places
  -- that were set aside for the code: codes.used_up decides about those.
  function codes.short_line(u, event, entry, lines)
    if not entry or entry.open == 0 then
      return unit_short_line(u, event, lines)
    end
    codes.pool_name(u, entry)
    local others = {}
    for _, line in ipairs(lines) do
      if not (line[LINE_OFF_MINOR] and has_own(entry, line[LINE_POOL])) then
        others[#others + 1] = line
      end
    end
    return unit_short_line(u, event, others)
  end

  -- True if what was given back of a record cannot be taken again: its places, or the use and the budget of its code. Whether
  -- the code is still valid does not matter: its terms were promised.
  function codes.is_short(u, r)
    local entry = r.code and codes.at(u, r.event, r.code[1])
    local allotted = entry and r.code[2] == 'allocation' and entry.terms.kind == 'allocation' and entry.open == 1
    if codes.short_line(u, r.event, allotted and entry or nil, r.lines) then
      return true
    end
    if not entry then
      return false
    end
    local terms, places, off = entry.terms, places_under(r.lines)
    return terms.max_uses > 0 and entry.uses >= terms.max_uses
      or terms.budget_minor > 0 and off > 0 and entry.spent + off > terms.budget_minor
      or allotted and places > entry.free or false
  end

  -- Alike holds

  -- The number of holds of a plan that can be made under a code, one after the other. It is below 1 if the code has no
  -- use, too little budget or too few places for one.
  function codes.holds_left(plan, entry)
    local terms, left = entry.terms, math.huge
    if terms.max_uses > 0 then
      left = terms.max_uses - entry.uses
    end
    if plan.is_allotted then
      left = math.min(left, math.floor(entry.free / plan.places))
    end
    if terms.budget_minor > 0 and plan.off_minor > 0 then
      left = math.min(left, math.floor((terms.budget_minor - entry.spent) / plan.off_minor))
    end
    return left
  end

  -- The common part of a call's holds that ask for the same under codes with the same terms, and this one's code. Nil if
  -- there is none, or if this code has nothing left for another such hold. Codes whose terms are the same share it: only
  -- their names and counters differ.
  function codes.plan(u, event_terms, event, code, customer, wish)
    local of_codes = event_terms.code_plans
    local entry = of_codes and codes.find(u, event, code, customer)
    local plan = entry and of_codes[entry.terms] and of_codes[entry.terms][wish]
    if plan and codes.holds_left(plan, entry) > 0 then
      return plan, entry
    end
    return nil
  end

  -- The step (codes.step) of a code that is known as text alone. Or nil, the code for this customer's hold of the plan, and how
  -- many holds may come together under it. Then this is asked again. Or nothing: neither is possible. The code's terms are
  -- valid if they are those of the plan. Under somebody's own code each is asked.
  function codes.for_plan(u, plan, event, code, customer)
    local text = u.codes[event][code]
    if type(text) == 'string' and plan.steps[text] == nil then
      plan.steps[text] = codes.step(u, plan, event, text)
    end
    if plan.steps[text] then
      return plan.steps[text]
    end
    local entry = codes.at(u, event, code)
    local owner = entry and entry.terms == plan.code_terms and entry.terms.customer
    local left = (owner == '' or owner == customer) and codes.holds_left(plan, entry) or 0
    if left < 1 then
      return nil
    end
    return nil, entry, owner == '' and left or 1
  end

  -- Remembers a plan (new_hold_plan) for others who name a code with the same terms. `lines`: of the hold that was had.
  function codes.share_plan(u, event_terms, entry, wish, plan, lines)
    local _, off_minor = places_under(lines)
    plan.code_terms, plan.off_minor, plan.is_allotted = entry.terms, off_minor, entry.terms.kind == 'allocation'
    plan.from, plan.steps = plan.is_allotted and 'kept' or 'available', {}
    plan.state_event = ARRAY_OF_13 .. string.sub(plan.state_event, 2) -- {code, kind} is the thirteenth value
    plan.rest_with_code, plan.packed_kind = plan.lines_rest .. ARRAY_HEADS[2], u.packed[entry.terms.kind]
    event_terms.code_plans = event_terms.code_plans or setmetatable({}, TABLE_ONCE)
    event_terms.code_plans[entry.terms][wish] = plan
  end

  -- Counts that many holds of a plan in a code.
  function codes.count_alike(plan, entry, holds)
    local places = holds * plan.places
    entry.uses, entry.held, entry.spent = entry.uses + holds, entry.held + places, entry.spent + holds * plan.off_minor
    if plan.is_allotted then
      entry.free = entry.free - places
    end
  end

  -- Takes from a code what that many holds of a plan need.
  function codes.take_alike(u, plan, entry, holds)
    codes.count_alike(plan, entry, holds)
    u.changed_codes[entry] = true
  end

  -- The end of a hold's packed record: its lines and so on, and the code.
  function codes.rest_of(u, plan, entry)
    local code = entry.code
    return plan.rest_with_code .. u.heads[#code] .. code .. plan.packed_kind
  end
end
