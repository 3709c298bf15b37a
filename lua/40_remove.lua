-- remove: gives some seats of a live hold back.
--
-- Command   {"remove", rid, pool, {seat...}}; seats in ascending order
-- Keys      pools, seats:<event>:<pool>, customers, ledger, deadlines, hold:<rid>
-- Promise   All of them or none. The hold stays, with its deadline, as long as something is left in it.
-- Results   {"not_found"}
--           {"expired"}, {"payment_in_progress"}, {"already_paid"}, {"already_cancelled"}
--           {"not_held"}    some of the seats are not in it, or it was refunded
--           {"held", now_ms, replayed, record}
--           {"cancelled", now_ms, replayed, record}   nothing was left: the hold has ended
-- Facts     changed, cancelled
do
  local function remove(u, command)
    local r, name, seats = unit_record(u, command[2]), command[3], command[4]
    if not r then
      return reply('not_found')
    end
    local refusal = changes.refusal(r)
    if refusal then
      return refusal
    end
    if #changes.seats_without(seats, changes.seats_in_pool(r.lines, name)) > 0 then
      return reply('not_held')
    end
    local rest, gone = changes.lines_without_seats(r.lines, name, seats), changes.lines_of_seats(r.lines, name, seats)
    return changes.take_out(u, r, rest, gone)
  end

  commands.remove = { run = remove, names_reservation = true }
end
