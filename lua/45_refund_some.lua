-- refund_some: some places of a paid reservation, or some of its money, go back.
--
-- Command   {"refund_some", rid, refund_id, restock, items, amount_minor, archived}
--           refund_id: the gateway's idempotency key
--           restock, archived: as in refund
--           items: {ticket_id, quantity}... of places that are all alike, those that were taken last first, and
--                  {ticket_id, quantity, pool, {seat...}}... of seats; none: only money goes back
--           amount_minor: how much goes back; -1: the price of the places
-- Keys      pools, slots, purges, seats:<event>:<pool>, customers, ledger, unsettled, hold:<rid>
-- Promise   The debt is durable before the gateway is asked to pay it. The same refund_id again has no further effect.
--           The reservation stays paid, with the places that are left; without any it ends, as in refund. Of one that ended
--           so for less than was paid, more of the money can go back.
-- Results   {"not_found"}
--           {"not_paid", state}                       or all of its money goes back already
--           {"payment_in_progress"}                   an exchange of it waits for its money
--           {"not_held"}                              some of the places are not in it
--           {"amount_mismatch", left_minor, currency} more than is left of what was paid
--           {"refund_due", now_ms, replayed, record}
--           {"refunded", now_ms, true, record}        this refund was settled before
-- Facts     refund_due
do
  -- The lines that are left, and those that go; or nil if some of it is not there.
  local function divide(lines, items)
    local gone = {}
    for _, item in ipairs(items) do
      local places, less = 0, nil
      if item[4] then
        local same = {}
        for _, line in ipairs(lines) do
          same[#same + 1] = line[LINE_TICKET] == item[1] and line or nil
        end
        if #changes.seats_without(item[4], changes.seats_in_pool(same, item[3])) > 0 then
          return nil
        end
        less = changes.lines_of_seats(same, item[3], item[4])
        lines = changes.lines_without_seats(lines, item[3], item[4])
      else
        lines, less = changes.lines_without_places(lines, item[1], nil, item[2])
      end
      for _, line in ipairs(less) do
        places = places + line[LINE_QUANTITY]
        gone[#gone + 1] = line
      end
      if places < item[2] then
        return nil
      end
    end
    return lines, gone
  end

  local function refund_some(u, command)
    local rid, refund_id, restock, items, amount_minor = command[2], command[3], command[4], command[5], command[6]
    local r = refunds.record(u, rid, command[7])
    if not r then
      return reply('not_found')
    end
    local before = refunds.state_of(r, refund_id)
    if before then
      return reply_record(u, before, r, true)
    end
    local left_minor = refunds.left_minor(r)
    if r.state ~= 'paid' and not (refunds.has_ended(r) and left_minor > 0) then
      return reply('not_paid', r.state)
    end
    if exchanges.is_pending(r) then
      return reply('payment_in_progress')
    end
    local rest, gone = divide(r.state == 'paid' and r.lines or {}, items) -- what ended keeps the lines that it had
    if not rest then
      return reply('not_held')
    end
    local worth_minor = record_total({ lines = gone })
    amount_minor = amount_minor >= 0 and amount_minor or worth_minor
    if amount_minor > left_minor then
      return reply('amount_mismatch', left_minor, r.currency)
    end
    u.records[rid] = r
    local places = refunds.places_of(gone, record_places({ lines = gone }))
    refunds.owe_newest(u, r, refund_id, amount_minor, places, worth_minor)
    if #gone > 0 then
      refunds.give_up(u, r, gone, #rest > 0 and rest or nil, restock)
    end
    if #rest == 0 then
      refunds.end_payments(u, r, refund_id)
    end
    unit_change(u, r)
    unit_fact(u, 'refund_due', r)
    return reply_record(u, 'refund_due', r, false)
  end

  commands.refund_some = { run = refund_some, names_reservation = true }
end
