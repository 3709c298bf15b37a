-- shorten: moves the deadline of a live hold earlier.
--
-- Command   {"shorten", rid, deadline_ms}
--           deadline_ms: that of another hold, which this one is to end with; an instant that this server has answered
-- Keys      pools, customers, ledger, deadlines, hold:<rid>
-- Promise   A deadline never moves later. Again: the same answer.
-- Results   {"not_found"}
--           {"expired"}    it expired before, or does so now
--           {"payment_in_progress"}, {"already_paid"}, {"already_cancelled"}, {"not_held"}
--           {"held", now_ms, replayed, record}
-- Facts     changed, expired
do
  local function shorten(u, command)
    local r, deadline_ms = unit_record(u, command[2]), command[3]
    if not r then
      return reply('not_found')
    end
    local refusal = changes.refusal(r)
    if refusal then
      return refusal
    end
    if deadline_ms <= u.now_ms then
      unit_give_back(u, r, 'held', 'expired')
      return reply('expired')
    end
    if deadline_ms >= r.deadline_ms then
      return reply_record(u, 'held', r, true)
    end
    if u.limits then
      limits.hold_moved(u, r, deadline_ms)
    end
    if u.hoards then
      hoarding.hold_moved(u, r, deadline_ms)
    end
    r.deadline_ms, r.redated = deadline_ms, true
    unit_change(u, r)
    unit_fact(u, 'changed', r)
    return reply_record(u, 'held', r, false)
  end

  commands.shorten = { run = shorten, names_reservation = true }
end
