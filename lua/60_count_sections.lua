-- count_sections: the counters of all sections that an event's tickets offer, with or without seats, in one read.
--
-- Command   {"count_sections", event_id}
-- Keys      events, pools
-- Results   {"unknown_pool", 0}    no such event
--           {"sections_counted", now_ms, {{pool, capacity, available, held, paying, sold, kept}...}, position, exact}
--           ordered by pool; the last two, and what is held, as in 60_count.lua
-- Facts     none
do
  -- The pool of a section; that of a ticket is its id alone.
  local SECTION = '^s%d+$'

  local function count_sections(u, command)
    local event = command[2]
    local terms = unit_terms(u, event)
    if not terms then
      return reply('unknown_pool', 0)
    end
    local counts, counted = {}, {}
    for _, ticket in pairs(terms.tickets) do
      for _, name in ipairs(ticket.pools) do
        if string.find(name, SECTION) and not counted[name] then
          counted[name] = true
          local pool = unit_pool(u, event, name) or damaged('no pool ' .. event_field(u, event, name))
          counts[#counts + 1] = {
            name, pool.capacity, pool.available, pool.held + (pool.aside or 0), pool.paying, pool.sold, pool.kept,
          }
        end
      end
    end
    table.sort(counts, function(one, other) return one[1] < other[1] end)
    return reply('sections_counted', u.now_ms, counts, unit_position(u), unit_is_unchanged(u))
  end

  commands.count_sections = { run = count_sections }
end
