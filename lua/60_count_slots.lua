-- count_slots: the counters of slots.
--
-- Command   {"count_slots", event_id, {slot...}}
-- Keys      events, pools, slots
-- Promise   A slot of which nothing was ever taken, or that was purged, has all its places if it is scheduled, else none.
--           Counting makes no slot.
-- Results   {"unknown_pool", 0}    no such event, or it has no slots
--           {"slots_counted", now_ms, {{slot, capacity, available, held, paying, sold, kept}...}}   in the order asked for
-- Facts     none
do
  local function count_slots(u, command)
    local event, wanted = command[2], command[3]
    local terms = unit_terms(u, event)
    if not slots.has_any(terms) then
      return reply('unknown_pool', 0)
    end
    local counts = {}
    for i, slot in ipairs(wanted) do
      counts[i] = slots.counts(u, event, slot)
    end
    return reply('slots_counted', u.now_ms, counts)
  end

  commands.count_slots = { run = count_slots }
end
