-- find: a reservation as it is at this instant.
--
-- Command   {"find", rid}
-- Keys      ledger, hold:<rid>
-- Results   {"not_found"}     no such reservation, or it ended longer ago than records are kept here
--           {"found", now_ms, replayed, record}   replayed is always false
-- Facts     none of its own; a hold that expired is given back here like everywhere
do
  local function find(u, command)
    local r = unit_record(u, command[2])
    if not r then
      return reply('not_found')
    end
    return reply_record(u, 'found', r, false)
  end

  commands.find = { run = find, names_reservation = true }
end
