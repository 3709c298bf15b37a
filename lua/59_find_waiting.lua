-- find_waiting: an entry of a waiting list as it is at this instant.
--
-- Command   {"find_waiting", waiting_id}
-- Keys      events, pools, ledger, hold:<waiting_id>, waiting:<event>...
-- Results   {"not_found"}     no such entry, or it ended longer ago than records are kept here
--           {"waiting_found", now_ms, replayed, entry, position}   replayed is always false; position: in the line, from 1; 0
--                             of an entry that does not wait
-- Facts     none of its own; an offer that expired is given back here like everywhere
do
  local function find_waiting(u, command)
    local entry = waitlists.entry(u, tonumber(string.match(command[2], '^%d+')), command[2])
    return entry and waitlists.reply(u, 'waiting_found', entry, false) or reply('not_found')
  end

  commands.find_waiting = { run = find_waiting, names_reservation = true }
end
