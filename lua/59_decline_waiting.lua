-- decline_waiting: gives up a place in line, or the places that are offered.
--
-- Command   {"decline_waiting", waiting_id}
-- Keys      events, pools, customers, ledger, deadlines, hold:<waiting_id>, waiting:<event>...
-- Promise   Offered places go to the next in line in the same step. Again: the same answer.
-- Results   {"not_found"}             as in find_waiting
--           {"payment_in_progress"}   the offer is being paid for
--           {"already_paid"}          it was paid for
--           {"waiting_declined", now_ms, replayed, entry, position}   position is always 0; one that had ended stays so
-- Facts     declined; of an offer also cancelled
do
  local function decline_waiting(u, command)
    local id = command[2]
    local entry = waitlists.entry(u, tonumber(string.match(id, '^%d+')), id)
    if not entry then
      return reply('not_found')
    end
    local before, r = entry.state, unit_record(u, id)
    if before == 'taken' then
      return reply('already_paid')
    end
    if before == 'offered' then
      if r and r.state == 'paying' then
        return reply('payment_in_progress')
      end
      if not r or r.state ~= 'held' then
        damaged('no hold of the offer ' .. id)
      end
      unit_give_back(u, r, 'held', 'cancelled')
    elseif before == 'waiting' then
      waitlists.decline(u, entry)
    end
    return waitlists.reply(u, 'waiting_declined', entry, before == entry.state)
  end

  commands.decline_waiting = { run = decline_waiting, names_reservation = true }
end
