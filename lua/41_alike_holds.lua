-- alike_holds: holds that ask for the same, one after the other in their call. Columns cost less to read than commands.
--
-- Command   {"alike_holds", event_id, items, hold_ms, expected_minor, {rid...}, {customer_id...}, {details...}, {digest...}}
--           all as of hold (40_hold.lua), without an address, a code, or a key
-- Promise   Everything is as if each hold had come as a command, in this order. Numbers of commands, KEYS and results are
--           those of such a call.
local alike_holds = {}
do
  -- The command of the i-th hold.
  local function hold_of(alike, i)
    return {
      'hold', alike[ALIKE_RIDS][i], alike[ALIKE_EVENT], alike[ALIKE_CUSTOMERS][i], alike[ALIKE_DETAILS][i],
      alike[ALIKE_DIGESTS][i], alike[ALIKE_ITEMS], alike[ALIKE_HOLD_MS], '', alike[ALIKE_EXPECTED], '', false, false, '',
    }
  end

  alike_holds.WORD = 'alike_holds'

  function alike_holds.count(alike)
    return #alike[ALIKE_RIDS]
  end

  -- A batch with commands in place of columns: for calls that ask who wants something, or on whose behalf.
  function alike_holds.spread(batch)
    local spread, n = {}, 0
    for i = 1, #batch do
      if batch[i][1] == alike_holds.WORD then
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

  -- Adds what the holds name to what the call reads, as load_named in 90_run.lua does. `number`, `named`: of the commands, and
  -- of the hold keys, before them. Returns how many they are.
  function alike_holds.name(u, alike, number, named, rids, keys, fields)
    local names, customers = alike[ALIKE_RIDS], alike[ALIKE_CUSTOMERS]
    local call_keys, prefix, event_prefix = u.keys, u.prefix, u.event_prefixes[alike[ALIKE_EVENT]]
    local records, taken, named_keys, named_customers = u.records, u.customers, u.named_keys, u.named_customers
    local last, n = #rids, #fields
    for i = 1, #names do
      local rid, key, field = names[i], call_keys[named + i], event_prefix .. customers[i]
      if key ~= prefix .. rid then
        error('KEYS do not name ' .. rid, 0)
      end
      named_keys[number + i], named_customers[number + i] = key, field
      if records[rid] == nil then
        records[rid] = false
        last = last + 1
        rids[last], keys[last] = rid, key
      end
      if not taken[field] then
        taken[field] = 0
        n = n + 1
        fields[n] = field
      end
    end
    return #names
  end

  -- The plan by which the holds can be made together, or nil.
  local function plan_of(u, alike)
    local terms, expected_minor = u.terms[alike[ALIKE_EVENT]], alike[ALIKE_EXPECTED]
    local plan = terms and terms.plans[alike[ALIKE_ITEMS]]
    local is_same = plan and plan.asked_ms == alike[ALIKE_HOLD_MS]
      and (expected_minor < 0 or expected_minor == plan.total_minor)
    return is_same and plan or nil
  end

  -- Decides the holds, of which the results are put behind the n-th of `parts`. Returns the number of the parts.
  function alike_holds.run(u, alike, number, parts, n)
    local i, last = 1, alike_holds.count(alike)
    while i <= last do
      local plan = plan_of(u, alike)
      local made = plan and unit_add_all_alike(u, plan, alike, i, number) or 0
      for j = 1, made do
        parts[n + j] = plan.alike
      end
      n, i = n + made, i + made
      if made == 0 then
        parts[n + 1], parts[n + 2] = commands.hold.run(u, hold_of(alike, i), number + i)
        n, i = #parts, i + 1
      end
      if u.lists then
        waitlists.settle(u)
      end
    end
    return n
  end
end
