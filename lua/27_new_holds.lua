-- New holds: most of what a drop asks for, so they have a path of their own from the decision to the write.
--
-- The record of a new hold is packed once, and is no table: it goes straight among the arguments of the writes. A command
-- of the same call that names it finds it as if it had been stored before; what that changes is written after.

-- The pieces of the records of new holds that most of them share.
local function new_hold_pieces(u, event, deadline_ms, lines)
  local new, packed = u.new, u.packed
  local state_event, ending, rest = new.state_event[event], new.until_ms[deadline_ms], new.rest[lines]
  if state_event and ending and rest then
    return state_event, ending, rest
  end
  new.state_event[event] = ARRAY_OF_12 .. packed.held .. packed[event]
  new.until_ms[deadline_ms] = new.until_ms[deadline_ms] or {
    times = packed[u.now_ms] .. packed[deadline_ms] .. packed[0], digits = u.digits[deadline_ms],
  }
  new.rest[lines] = packed[lines] .. ARRAY_OF_0 .. ARRAY_OF_0 .. packed[unit_terms(u, event).currency]
  return new.state_event[event], new.until_ms[deadline_ms], new.rest[lines]
end

-- Adds a hold that is decided, and whose places the customer has already. Its lines must not change any more, and others may
-- share them. `code`: {code, kind} that it names, or nil. Returns its packed record.
local function unit_add_hold(u, key, rid, event, customer, details, digest, deadline_ms, lines, code)
  local new, n, field = u.new, 2 * u.new.count, event_field(u, event, customer)
  local state_event, ending, rest = new_hold_pieces(u, event, deadline_ms, lines)
  if code then
    state_event = ARRAY_OF_13 .. string.sub(state_event, 2)
    rest = rest .. ARRAY_HEADS[2] .. u.heads[#code[1]] .. code[1] .. u.packed[code[2]]
  end
  local record = record_text(u, state_event, customer, details, ending.times, digest, rest)
  new.marks[n + 1], new.marks[n + 2] = key, HELD_MARK
  new.ledger[n + 1], new.ledger[n + 2] = rid, record
  new.deadlines[n + 1], new.deadlines[n + 2] = ending.digits, rid
  new.customers[n + 1], new.customers[n + 2] = field, u.digits[u.customers[field]]
  new.count = new.count + 1
  u.records[rid] = record
  add_fact(u, 'held', rid, record)
  if u.limits and digest ~= OFFER_DIGEST then
    limits.hold_began(u, field, deadline_ms)
  end
  return record
end

-- The common part of a call's holds that ask for the same places of one ticket without seats, and for the same time. They
-- are under codes with the same terms, or under none. They differ in their customers, and the names of their codes. It is
-- made once one of them has its places; `unit_add_alike` adds the others as unit_add_hold would. `number`: of the first such
-- command, whose result gives the others' results, too.
local function new_hold_plan(u, event, terms, asked_ms, hold_ms, lines, places, number)
  local deadline_ms = u.now_ms + hold_ms
  local state_event, ending, lines_rest = new_hold_pieces(u, event, deadline_ms, lines)
  return {
    asked_ms = asked_ms, places = places, most = terms.max_per_customer - places, pool = unit_line_pool(u, event, lines[1]),
    deadline_ms = deadline_ms, deadline = ending.digits, fact_heads = u.fact_heads.held,
    now = u.packed[u.now_ms], state_event = state_event, times = ending.times, lines_rest = lines_rest,
    alike = reply('alike', number), total_minor = record_total({ lines = lines }), from = 'available',
  }
end

-- Takes the places of the plan for another customer, who has `taken` places and may have these, too. `named`: the code, of
-- a plan under one.
local function unit_add_alike(u, plan, key, command, customer_field, taken, named)
  local rid, customer, details, digest = command[2], command[4], command[5], command[6]
  local new, pool, places, heads, from = u.new, plan.pool, plan.places, u.heads, plan.from
  pool[from], pool.held = pool[from] - places, pool.held + places
  u.customers[customer_field] = taken + places
  local record = plan.state_event .. heads[#customer] .. customer .. heads[#details] .. details .. plan.times
    .. heads[#digest] .. digest .. (named and codes.rest_of(u, plan, named) or plan.lines_rest)
  if named then
    codes.take_alike(u, plan, named, 1)
  end
  local n, facts = 2 * new.count, u.facts
  new.marks[n + 1], new.marks[n + 2] = key, HELD_MARK
  new.ledger[n + 1], new.ledger[n + 2] = rid, record
  new.deadlines[n + 1], new.deadlines[n + 2] = plan.deadline, rid
  new.customers[n + 1], new.customers[n + 2] = customer_field, u.digits[taken + places]
  new.count = new.count + 1
  u.records[rid] = record
  local head = plan.fact_heads[#rid]
  if head then
    local parts, f = u.fact_parts, 4 * facts + 1
    parts[f + 1], parts[f + 2], parts[f + 3], parts[f + 4] = head, rid, plan.now, record
    u.facts = facts + 1
  else
    add_fact(u, 'held', rid, record)
  end
  if u.limits then
    limits.hold_began(u, customer_field, plan.deadline_ms)
  end
end

-- The record of that id, which a command names; false if there is none.
local function unit_record(u, rid)
  local r = u.records[rid]
  if type(r) == 'string' then
    r = record_decode(rid, r)
    r.stored = 'held'
    u.records[rid] = r
  end
  return r
end
