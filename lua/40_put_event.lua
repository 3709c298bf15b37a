-- put_event: publishes an event's terms of sale and the pools of its tickets, also under live sales.
--
-- Command   {"put_event", event_id, terms, {{pool, capacity}...}}; `terms` as in terms_decode
-- Keys      events, pools
-- Promise   Terms of an older version than those that are there change nothing: they were overtaken on their way.
--           All of it or nothing. A pool that exists keeps what is taken of it; only what is available changes.
-- Results   {"below_taken", pool, capacity, taken}  the new capacity is less than what is held, paying and sold
--           {"published"}                           also when nothing changed
-- Facts     none: Postgres, which owns the catalogue, is where this came from
local function put_event(u, command)
  local event, terms, capacities = command[2], command[3], command[4]
  local before = unit_terms(u, event)
  if before and terms[7] < before.version then
    return reply('published')
  end
  for _, ticket in pairs(before and before.tickets or {}) do
    if not unit_pool(u, event, ticket.pool) then
      damaged('no pool ' .. event_field(u, event, ticket.pool)) -- made anew it would forget what is taken of it
    end
  end
  for _, wanted in ipairs(capacities) do
    local pool = unit_pool(u, event, wanted[1])
    local taken = pool and pool.capacity - pool.available or 0
    if wanted[2] < taken then
      return reply('below_taken', wanted[1], wanted[2], taken)
    end
  end
  for _, wanted in ipairs(capacities) do
    local pool = unit_pool(u, event, wanted[1])
    if not pool then
      pool = { field = event_field(u, event, wanted[1]), capacity = 0, available = 0, held = 0, paying = 0, sold = 0 }
      u.pools[event][wanted[1]] = pool
    end
    pool.available = pool.available + wanted[2] - pool.capacity
    pool.capacity = wanted[2]
    unit_change_pool(u, pool)
  end
  local packed = cmsgpack.pack(terms)
  u.terms[event] = terms_decode(event, packed)
  u.changed_terms[event] = packed
  return reply('published')
end
