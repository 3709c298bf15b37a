-- seat_map: the state of every seat of a section.
--
-- Command   {"seat_map", event_id, pool}
-- Keys      seats:<event>:<pool>
-- Results   {"unknown_pool", 0}         no such section of the event
--           {"seat_map", now_ms, map}   the map's text, see 15_map.lua
-- Facts     none
local function seat_map(u, command)
  local event, name = command[2], command[3]
  local map, pool = unit_map(u, event, name), unit_pool(u, event, name)
  if not map and not pool then
    return reply('unknown_pool', 0)
  end
  if not map then
    damaged('no map of ' .. event_field(u, event, name))
  end
  local text = map_apply(map).text
  local seats = #text - #string.gsub(text, '[ahps]+', '')
  if not pool or seats ~= pool.capacity then
    damaged('map ' .. map.key)
  end
  return reply('seat_map', u.now_ms, text)
end
