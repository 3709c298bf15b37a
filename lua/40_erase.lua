-- erase: replaces what the API keeps about the customer of a reservation.
--
-- Command   {"erase", rid, details}; details: what stands there from now on
-- Keys      ledger, hold:<rid>
-- Promise   The names of its e-tickets' holders go, too, also where the record itself is no longer kept here.
--           Nothing else changes: neither state, places, money nor deadline. Erasing again changes nothing.
-- Results   {"not_found"}              no such reservation, or it ended longer ago than records are kept here
--           {"erased", now_ms, replayed, record}
-- Facts     erased, and of e-tickets erased
do
  local function erase(u, command)
    local r, details = unit_record(u, command[2]), command[3]
    etickets.erase(u, tonumber(string.match(command[2], '^%d+')), command[2], details)
    if not r then
      return reply('not_found')
    end
    local changes_it = r.details ~= details
    if changes_it then
      r.details = details
      unit_change(u, r)
      unit_fact(u, 'erased', r)
    end
    return reply_record(u, 'erased', r, not changes_it)
  end

  commands.erase = { run = erase, names_reservation = true }
end
