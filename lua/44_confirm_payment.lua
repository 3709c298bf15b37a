-- confirm_payment: the gateway has taken the money of an attempt.
--
-- Command   {"confirm_payment", rid, attempt_id}
-- Keys      pools, slots, purges, customers, ledger, deadlines, unsettled, hold:<rid>
-- Promise   Money taken is places sold or a refund due, never neither. The same attempt again answers the same.
-- Results   {"not_found"}
--           {"unknown_attempt"}
--           {"paid", now_ms, replayed, record}        sold; where the places had been given back, taken anew
--           {"refund_due", now_ms, replayed, record}  the places are gone, the slot has begun, or another attempt had
--                                                     paid: the attempt's money must go back
-- Facts     paid, refund_due

-- Which counter the places of a live record stand in.
local COUNTER_OF = { held = 'held', paying = 'paying' }

local function confirm_payment(u, command)
  local r = unit_record(u, command[2])
  if not r then
    return reply('not_found')
  end
  local attempt = record_attempt(r, command[3])
  if not attempt then
    return reply('unknown_attempt')
  end
  if attempt[ATTEMPT_STATE] == 'completed' then
    return reply_record(u, 'paid', r, true)
  end
  if attempt[ATTEMPT_STATE] == 'refund_due' or attempt[ATTEMPT_STATE] == 'refunded' then
    return reply_record(u, 'refund_due', r, true)
  end
  local given_back = r.state == 'expired' or r.state == 'cancelled'
  local from = COUNTER_OF[r.state]
  if given_back and not record_is_past(u, r) and not unit_short_line(u, r.event, r.lines) then
    from = 'available'
    unit_add_customer_places(u, r.event, r.customer, record_places(r))
  end
  attempt[ATTEMPT_SETTLED_MS] = u.now_ms
  if from then
    unit_move(u, r.event, r.lines, from, 'sold')
    unit_add_visits(u, r)
    attempt[ATTEMPT_STATE] = 'completed'
    attempt[ATTEMPT_REASON] = ''
    r.state = 'paid'
    r.ended_ms = u.now_ms
    if u.limits then
      limits.hold_ended(u, r)
    end
  else
    attempt[ATTEMPT_STATE] = 'refund_due'
    attempt[ATTEMPT_REASON] = LATE
    if given_back then
      r.state = 'refund_due'
      r.ended_ms = u.now_ms
    end
  end
  local word = from and 'paid' or 'refund_due'
  unit_change(u, r)
  unit_fact(u, word, r)
  return reply_record(u, word, r, false)
end
