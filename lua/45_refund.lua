-- refund: a paid reservation ends; its money is owed to the customer from here on.
--
-- Command   {"refund", rid, restock, archived, leaves_kept}
--           restock: whether the places are for sale again. If not, they are kept: off sale, without an owner.
--           archived: the record as Postgres has it, for a reservation that is no longer kept here; or nil
--           leaves_kept: `restock` is about the places that it still has; what was kept off sale before stays so
-- Keys      pools, purges, customers, ledger, unsettled, hold:<rid>
-- Promise   The debt is durable before the gateway is asked to pay it. It is all that was paid and has not gone back before,
--           also where the reservation ended by a refund of less than was paid.
--           Again: the same answer; with `restock`, what was kept before is for sale then, unless `leaves_kept`.
-- Results   {"not_found"}
--           {"not_paid", state}
--           {"payment_in_progress"}                   an exchange of it waits for its money
--           {"refund_due", now_ms, replayed, record}
--           {"refunded", now_ms, replayed, record}    it was settled before
-- Facts     refund_due, restocked
do
  local function refund(u, command)
    local rid, restock, leaves_kept = command[2], command[3], command[5]
    local r = refunds.record(u, rid, command[4])
    if not r then
      return reply('not_found')
    end
    if refunds.has_ended(r) then
      local changed, left_minor = restock and not leaves_kept and refunds.restock(u, r), refunds.left_minor(r)
      if left_minor > 0 then
        u.records[rid] = r
        refunds.owe_newest(u, r, rid, left_minor, {}, 0)
        refunds.end_payments(u, r, rid)
        unit_change(u, r)
        unit_fact(u, 'refund_due', r)
      end
      return reply_record(u, r.state, r, not changed and left_minor == 0)
    end
    if r.state ~= 'paid' then
      return reply('not_paid', r.state)
    end
    if exchanges.is_pending(r) then
      return reply('payment_in_progress')
    end
    u.records[rid] = r
    local places = refunds.places_of(r.lines, record_places(r))
    refunds.owe_newest(u, r, rid, refunds.left_minor(r), places, record_total(r))
    refunds.give_up(u, r, r.lines, nil, restock)
    refunds.end_payments(u, r, rid)
    unit_change(u, r)
    unit_fact(u, 'refund_due', r)
    return reply_record(u, 'refund_due', r, false)
  end

  commands.refund = { run = refund, names_reservation = true }
end
