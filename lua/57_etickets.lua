-- etickets: the e-tickets of a reservation.
--
-- Command   {"etickets", rid, archived}; archived: as in refund
-- Keys      ledger, hold:<rid>, doors:<event>...
-- Promise   A paid reservation has one for each of its places. It had them from its payment on; of one that was paid before
--           there were e-tickets they are made now.
-- Results   {"not_found"}
--           {"etickets_listed", now_ms, {{number, e-ticket}...}}   none of a reservation that was never paid
-- Facts     issued
do
  local function list(u, command)
    local rid = command[2]
    local r = unit_record(u, rid) or record_archived(rid, command[3])
    if not r then
      return reply('not_found')
    end
    etickets.follow(u, r)
    return reply('etickets_listed', u.now_ms, etickets.of(u, r.event, rid))
  end

  commands.etickets = { run = list, names_reservation = true }
end
