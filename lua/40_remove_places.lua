-- remove_places: gives the places of a ticket that are all alike back, out of a live hold.
--
-- Command   {"remove_places", rid, ticket_id, pool}; pool: only those of that pool; '': of any
-- Keys      pools, customers, ledger, deadlines, hold:<rid>
-- Promise   All of them or none. The hold stays, with its deadline, as long as something is left in it.
-- Results   {"not_found"}
--           {"expired"}, {"payment_in_progress"}, {"already_paid"}, {"already_cancelled"}
--           {"not_held"}    there are none in it, or it was refunded
--           {"held", now_ms, replayed, record}
--           {"cancelled", now_ms, replayed, record}   nothing was left: the hold has ended
-- Facts     changed, cancelled
do
  local function remove_places(u, command)
    local r = unit_record(u, command[2])
    if not r then
      return reply('not_found')
    end
    local refusal = changes.refusal(r)
    if refusal then
      return refusal
    end
    local name = command[4] ~= '' and command[4] or nil
    local rest, gone = changes.lines_without_places(r.lines, command[3], name, record_places(r))
    if #gone == 0 then
      return reply('not_held')
    end
    return changes.take_out(u, r, rest, gone)
  end

  commands.remove_places = { run = remove_places, names_reservation = true }
end
