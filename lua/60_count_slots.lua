-- count_slots: the counters of slots.
--
-- Command   {"count_slots", event_id, {start_ms...}}
-- Keys      events, pools, slots
-- Promise   A slot of which nothing was ever taken, or that was purged, has all its places; it is not made for that.
-- Results   {"unknown_pool", 0}    no such event, or it has no slots
--           {"slots_counted", now_ms, {{start_ms, capacity, available, held, paying, sold}...}}   in the order asked for
-- Facts     none
local function count_slots(u, command)
  local event, starts = command[2], command[3]
  local terms = unit_terms(u, event)
  if not terms or terms.slot_capacity == 0 then
    return reply('unknown_pool', 0)
  end
  local counts = {}
  for i, start_ms in ipairs(starts) do
    local pool = unit_slot(u, event, start_ms)
    counts[i] = { start_ms, pool.capacity, pool.available, pool.held, pool.paying, pool.sold }
  end
  return reply('slots_counted', u.now_ms, counts)
end
