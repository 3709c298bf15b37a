-- alike_holds: holds that ask for the same places, one after the other in their call. All name codes, or none does. Columns
-- cost less to read than commands.
--
-- Command   {"alike_holds", event_id, items, hold_ms, expected_minor, {rid...}, {customer_id...}, {details...}, {digest...},
--            {key...}}
--           {"alike_coded_holds", ..., {code...}}
--           all as of hold (40_hold.lua). None has an address, or leave to exceed anything. All have keys, or none has.
--           Digests are those of all, or none where none has one.
-- Promise   Everything is as if each hold had come as a command, in this order. Numbers of commands, KEYS and results are
--           those of such a call.
local alike_holds = { WORDS = { alike_holds = true, alike_coded_holds = true } }
do
  local EVENT, ITEMS, HOLD_MS, EXPECTED, RIDS, CUSTOMERS, DETAILS, DIGESTS, KEYS_OF_REQUESTS = 2, 3, 4, 5, 6, 7, 8, 9, 10
  local CODES = 11
  local WORDS, NO_CODES = alike_holds.WORDS, {}

  local function codes_of(alike)
    return alike[CODES] or NO_CODES
  end

  -- The column of ids.
  function alike_holds.rids(alike)
    return alike[RIDS]
  end

  -- The command of the i-th hold.
  local function hold_of(alike, i)
    return {
      'hold', alike[RIDS][i], alike[EVENT], alike[CUSTOMERS][i], alike[DETAILS][i], alike[DIGESTS][i] or '', alike[ITEMS],
      alike[HOLD_MS], '', alike[EXPECTED], codes_of(alike)[i] or '', false, false, alike[KEYS_OF_REQUESTS][i] or '',
    }
  end

  function alike_holds.count(alike)
    return #alike[RIDS]
  end

  local function has_any(batch)
    for i = 1, #batch do
      if WORDS[batch[i][1]] then
        return true
      end
    end
    return false
  end

  -- A batch with commands in place of columns: for calls with limits or with acts to be logged, which look at each command.
  function alike_holds.spread(batch)
    if not has_any(batch) then
      return batch
    end
    local spread, n = {}, 0
    for i = 1, #batch do
      if WORDS[batch[i][1]] then
        for j = 1, alike_holds.count(batch[i]) do
          n = n + 1
          spread[n] = hold_of(batch[i], j)
        end
      else
        n = n + 1
        spread[n] = batch[i]
      end
    end
    return spread
  end

  -- Adds what the holds name to what the call reads, as load_named in 90_run.lua does: `n` fields are there before. `number`,
  -- `named`: of the commands, and of the hold keys, before them. `keyed`: number of a command -> its idempotency key, or nil.
  -- Returns how many holds there are, and `keyed`. Records are read by the column of ids; where there is another command in the
  -- call, `rids` and `keys` have them.
  function alike_holds.name(u, alike, number, named, rids, keys, fields, n, keyed)
    local names, customers, digests = alike[RIDS], alike[CUSTOMERS], alike[DIGESTS]
    local call_keys, prefix, event_prefix = u.keys, u.prefix, u.event_prefixes[alike[EVENT]]
    alike.named, alike.fields, alike.before = named, fields, n
    for i = 1, #names do
      local rid = names[i]
      if call_keys[named + i] ~= prefix .. rid then
        error('KEYS do not name ' .. rid, 0)
      end
      fields[n + i] = event_prefix .. customers[i]
    end
    if rids then
      local last = #rids
      for i = 1, #names do
        rids[last + i], keys[last + i] = names[i], call_keys[named + i]
      end
    end
    for i = 1, #digests do
      if digests[i] ~= '' then
        sold_before.want(u, alike[EVENT], names[i])
      end
    end
    codes.want(u, alike[EVENT], codes_of(alike))
    for i, key in ipairs(alike[KEYS_OF_REQUESTS]) do
      keyed = keyed or {}
      keyed[number + i] = key
    end
    return #names, keyed
  end

  -- The plan by which the i-th of the holds and those behind it can be made together, or nil. Where somebody waits for places
  -- of the event, each hold is followed by a look at them.
  local function plan_of(u, alike, i)
    local event, expected_minor, code = alike[EVENT], alike[EXPECTED], codes_of(alike)[i]
    local terms, list = u.terms[event], u.lists and u.lists[event]
    local plan = terms and not code and terms.plans[alike[ITEMS]]
      or terms and code and codes.plan(u, terms, event, code, alike[CUSTOMERS][i], alike[ITEMS])
    local is_same = plan and plan.asked_ms == alike[HOLD_MS] and (expected_minor < 0 or expected_minor == plan.total_minor)
    return is_same and not (list and list.waiting > 0) and plan or nil
  end

  -- Does what unit_add_alike does for the holds from the first of these, as far as it can. It stops at one that may be a
  -- repeat, whose customer would have too much, or for which too little is left. It stops, too, at a code with too little left,
  -- of other terms, or of somebody else. Returns how many it has made.
  local function add_all(u, plan, alike, first, number)
    local event, rids, customers, details, digests = alike[EVENT], alike[RIDS], alike[CUSTOMERS], alike[DETAILS], alike[DIGESTS]
    local records, taken, fields, keys, named, unnamed = u.records, u.customers, alike.fields, u.keys, alike.named, alike.before
    local new, pool, places, heads, digits = u.new, plan.pool, plan.places, u.heads, u.digits
    local most = plan.most + places
    local marks, ledger, deadlines, counts, parts = new.marks, new.ledger, new.deadlines, new.customers, u.fact_parts
    local deadline, fact_heads, now, state_event = plan.deadline, plan.fact_heads, plan.now, plan.state_event
    local times, lines_rest, n, f = plan.times, plan.lines_rest, 2 * new.count, 4 * u.facts + 1
    local is_keyed, sold, left, made = #alike[KEYS_OF_REQUESTS] > 0, u.sold, pool[plan.from], 0
    local codes_named, code, entry = alike[CODES], nil, nil
    local known, steps, stepped = codes_named and u.codes[event], plan.steps, codes_named and u.stepped_codes[event]
    local s, with_code, kind = stepped and #stepped, plan.rest_with_code, plan.packed_kind
    local most_under, made_under = 0, 0 -- the code: holds that may come together, and that came
    local has_more, digest = is_keyed or codes_named or #digests > 0, '' -- most have nothing that is not looked at below
    local rest = times .. heads[0] .. lines_rest
    for i = first, math.min(#rids, first - 1 + math.floor(left / places)) do
      local rid, field, customer, text = rids[i], fields[unnamed + i], customers[i], details[i]
      local places_then, head = (taken[field] or 0) + places, fact_heads[#rid]
      if records[rid] or places_then > most or not head then
        break
      end
      if has_more then
        if sold and sold[rid] or is_keyed and key_events.is_of_another(u, number + i, event) then
          break
        end
        if codes_named then
          if codes_named[i] ~= code or made_under == most_under then
            if entry then
              codes.take_alike(u, plan, entry, made_under)
              entry = nil
            end
            code, made_under, most_under = codes_named[i], 0, 1
            local step = steps[known[code]]
            if not step then
              step, entry, most_under = codes.for_plan(u, plan, event, code, customer)
            end
            if step then
              known[code], stepped[s + 1], stepped[s + 2] = step, code, step.text
              s, most_under = s + 2, 1
            elseif not entry then
              break
            end
            lines_rest = with_code .. heads[#code] .. code .. kind
          end
          made_under = made_under + 1
        end
        digest = digests[i] or ''
        rest = times .. heads[#digest] .. digest .. lines_rest
        if is_keyed then
          key_events.keep(u, number + i, event)
        end
      end
      local record = state_event .. heads[#customer] .. customer .. heads[#text] .. text .. rest
      taken[field] = places_then
      records[rid] = record
      -- One by one, because Lua needs fewer steps for it.
      local a, b = n + 1, n + 2
      marks[a] = keys[named + i]
      marks[b] = HELD_MARK
      ledger[a] = rid
      ledger[b] = record
      deadlines[a] = deadline
      deadlines[b] = rid
      counts[a] = field
      counts[b] = digits[places_then]
      parts[f + 1] = head
      parts[f + 2] = rid
      parts[f + 3] = now
      parts[f + 4] = record
      n = b
      f = f + 4
      made = made + 1
    end
    if entry then
      codes.take_alike(u, plan, entry, made_under)
    end
    pool[plan.from], pool.held = left - made * places, pool.held + made * places
    new.count, u.facts = new.count + made, u.facts + made
    return made
  end

  -- Decides the holds, and puts their results behind the n-th of `parts`. Returns the number of parts then.
  -- `run_one(u, command, number)` decides those that cannot be made together, such as the first one.
  function alike_holds.run(u, alike, number, parts, n, run_one)
    local i, last = 1, alike_holds.count(alike)
    while i <= last do
      local plan = plan_of(u, alike, i)
      local made = plan and add_all(u, plan, alike, i, number) or 0
      if made > 0 then
        n, i = n + 1, i + made
        parts[n] = string.rep(plan.alike, made)
      else
        u.named_keys[number + i], u.named_customers[number + i] = u.keys[alike.named + i], alike.fields[alike.before + i]
        parts[n + 1], parts[n + 2] = run_one(u, hold_of(alike, i), number + i)
        n, i = #parts, i + 1
      end
      if u.lists then
        waitlists.settle(u)
      end
    end
    return n
  end
end
