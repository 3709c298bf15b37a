-- cancel: gives a hold's places back before its deadline.
--
-- Command   {"cancel", rid, archived}
--           archived: the record as Postgres has it, for a reservation that is no longer kept here; or nil
-- Keys      pools, customers, ledger, deadlines, hold:<rid>
-- Promise   Places return at most once; cancelling again answers as the first time.
-- Results   {"not_found"}              no such reservation, or it ended longer ago than records are kept here
--           {"expired"}                its deadline passed before
--           {"payment_in_progress"}    its money may still come
--           {"already_paid"}           also if a refund is due
--           {"not_held"}               refunded
--           {"cancelled", now_ms, replayed, record}
-- Facts     cancelled
do
  -- The answer of a reservation that is not held.
  local NOT_CANCELLED = {
    expired = 'expired',
    paying = 'payment_in_progress',
    paid = 'already_paid',
    refund_due = 'already_paid',
    refunded = 'not_held',
  }

  local function cancel(u, command)
    local rid, archived = command[2], command[3]
    local r = unit_record(u, rid) or record_archived(rid, archived)
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

  commands.cancel = { run = cancel, names_reservation = true }
end
