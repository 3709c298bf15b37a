-- block_seats: takes seats off sale, or puts them back on.
--
-- Command   {"block_seats", event_id, {{pool, {seat...}}...}, blocked}; seats in ascending order
-- Keys      pools, seats:<event>:<pool>
-- Promise   All of them or none. Who holds or owns a seat keeps it. What is as wished already stays.
-- Results   {"unknown_pool", 0}                     no such section of the event
--           {"seat_taken", {{pool, {seat...}}...}}  these are held, being paid for or sold
--           {"again"}                               the same, but expired holds are not all given back yet
--           {"published"}
-- Facts     none
do
  local function block_seats(u, command)
    local event, sections, blocked = command[2], command[3], command[4]
    local from, to = SEAT_BLOCKED, SEAT_OF.available
    unit_terms(u, event)
    waitlists.release(u, event)
    if blocked then
      from, to = to, from
    end
    local taken, wanted = {}, {}
    for i, section in ipairs(sections) do
      local name, seats = section[1], section[2]
      local map = maps.of(u, event, name)
      if not map then
        return unit_pool(u, event, name) and damaged('no map of ' .. event_field(u, event, name)) or reply('unknown_pool', 0)
      end
      local here, gone = {}, {}
      for _, seat in ipairs(seats) do
        local now = map.now[seat] or string.sub(map.text, seat, seat)
        if now == from then
          here[#here + 1] = seat
        elseif not string.find(now, ANY_SEAT) then
          damaged('map ' .. map.key)
        elseif now ~= to then
          gone[#gone + 1] = seat
        end
      end
      if #gone > 0 then
        table.insert(taken, { name, gone })
      end
      wanted[i] = here
    end
    if #taken > 0 then
      return u.backlog and reply('again') or reply('seat_taken', taken)
    end
    for i, section in ipairs(sections) do
      local name, seats = section[1], wanted[i]
      local map, pool = maps.of(u, event, name), unit_pool(u, event, name)
      maps.set_seats(u, map, seats, to)
      unit_set_capacity(u, event, name, pool.capacity + (blocked and -#seats or #seats))
    end
    return reply('published')
  end

  commands.block_seats = { run = block_seats }
end
