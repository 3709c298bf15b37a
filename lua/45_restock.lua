-- restock: places that were refunded and kept off sale are for sale again.
--
-- Command   {"restock", rid, archived}; `archived` as in refund
-- Keys      pools, slots, seats:<event>:<pool>, ledger, hold:<rid>
-- Promise   Again: the same answer.
-- Results   {"not_found"}
--           {"not_paid", state}     it was never paid, so nothing of it was refunded
--           {"restocked", now_ms, replayed, record}
-- Facts     restocked
do
  local SOLD_ONCE = { paid = true, refund_due = true, refunded = true }

  local function restock(u, command)
    local rid = command[2]
    local r = refunds.record(u, rid, command[3])
    if not r then
      return reply('not_found')
    end
    if not SOLD_ONCE[r.state] then
      return reply('not_paid', r.state)
    end
    return reply_record(u, 'restocked', r, not refunds.restock(u, r))
  end

  commands.restock = { run = restock, names_reservation = true }
end
