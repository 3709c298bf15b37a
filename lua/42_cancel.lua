-- cancel: gives a hold's places back before its deadline.
--
-- Command   {"cancel", rid}
-- Keys      pools, customers, ledger, deadlines, hold:<rid>
-- Promise   Places return at most once; cancelling again answers as the first time.
-- Results   {"not_found"}              no such reservation, or it ended longer ago than records are kept here
--           {"expired"}                it ran out before
--           {"payment_in_progress"}    its money may still come
--           {"already_paid"}           also if a refund is due
--           {"not_held"}               refunded
--           {"cancelled", now_ms, replayed, record}
-- Facts     cancelled

-- What a reservation that is not held answers.
local NOT_CANCELLED = {
  expired = 'expired',
  paying = 'payment_in_progress',
  paid = 'already_paid',
  refund_due = 'already_paid',
  refunded = 'not_held',
}

local function cancel(u, command)
  local r = unit_record(u, command[2])
  if not r then
    return reply('not_found')
  end
  if r.state == 'cancelled' then
    return reply_record(u, 'cancelled', r, true)
  end
  if r.state ~= 'held' then
    return reply(NOT_CANCELLED[r.state])
  end
  unit_give_back(u, r, 'held', 'cancelled')
  return reply_record(u, 'cancelled', r, false)
end
