-- remove: gives some seats of a live hold back.
--
-- Command   {"remove", rid, pool, {seat...}}; seats in ascending order
-- Keys      pools, seats:<event>:<pool>, customers, ledger, deadlines, hold:<rid>
-- Promise   All of them or none. The hold stays, with its deadline, even if nothing is left in it.
-- Results   {"not_found"}
--           {"expired"}, {"payment_in_progress"}, {"already_paid"}, {"already_cancelled"}
--           {"not_held"}    some of the seats are not in it, or it was refunded
--           {"held", now_ms, replayed, record}
-- Facts     changed
local function remove(u, command)
  local r, name, seats = unit_record(u, command[2]), command[3], command[4]
  if not r then
    return reply('not_found')
  end
  if r.state ~= 'held' then
    return reply(NOT_CHANGEABLE[r.state])
  end
  if #seats_without(seats, seats_in_pool(r.lines, name)) > 0 then
    return reply('not_held')
  end
  change_lines(u, r, lines_without_seats(r.lines, name, seats), {}, { { 0, name, #seats, 0, seats } })
  return reply_record(u, 'held', r, false)
end
