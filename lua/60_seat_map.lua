-- seat_map: the state of every seat of a section.
--
-- Command   {"seat_map", event_id, pool}
-- Keys      seats:<event>:<pool>
-- Results   {"unknown_pool", 0}         no such section of the event
--           {"seat_map", now_ms, map, position, exact}   the map's text (15_maps.lua); the last two as in 60_count.lua
-- Facts     none
do
  -- The map's text with the last of the available seats held: as many as are set aside for a waiting list.
  local function text_for_sale(text, pool)
    if not pool.aside or pool.aside == 0 then
      return text
    end
    local backwards = string.gsub(string.reverse(text), SEAT_OF.available, SEAT_OF.held, pool.aside)
    return string.reverse(backwards)
  end

  local function seat_map(u, command)
    local event, name = command[2], command[3]
    unit_terms(u, event)
    local map, pool = maps.of(u, event, name), unit_pool(u, event, name)
    if not map and not pool then
      return reply('unknown_pool', 0)
    end
    if not map then
      damaged('no map of ' .. event_field(u, event, name))
    end
    local text = maps.apply(map).text
    local seats = #text - #string.gsub(text, '[ahpskHPSK]+', '')
    if not pool or seats ~= pool.capacity then
      damaged('map ' .. map.key)
    end
    return reply('seat_map', u.now_ms, text_for_sale(text, pool), unit_position(u), unit_is_unchanged(u))
  end

  commands.seat_map = { run = seat_map }
end
