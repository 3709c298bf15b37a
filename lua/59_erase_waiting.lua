-- erase_waiting: replaces what the API keeps about the customer of an entry of a waiting list.
--
-- Command   {"erase_waiting", waiting_id, details, contact}
-- Keys      events, hold:<waiting_id>, waiting:<event>...
-- Promise   Nothing else changes. Erasing again changes nothing.
-- Results   {"not_found"}   as in find_waiting
--           {"waiting_erased", now_ms, replayed, entry, position}
-- Facts     erased
do
  local function erase_waiting(u, command)
    local entry = waitlists.entry(u, tonumber(string.match(command[2], '^%d+')), command[2])
    if not entry then
      return reply('not_found')
    end
    local changed = waitlists.erase(u, entry, command[3], command[4])
    return waitlists.reply(u, 'waiting_erased', entry, not changed)
  end

  commands.erase_waiting = { run = erase_waiting, names_reservation = true }
end
