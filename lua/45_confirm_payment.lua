-- confirm_payment: the gateway has taken the money of an attempt.
--
-- Command   {"confirm_payment", rid, attempt_id}
-- Keys      pools, slots, purges, customers, ledger, deadlines, unsettled, hold:<rid>, queue:<event>...
-- Promise   Money taken is places sold or a refund due, never neither. The same attempt again answers the same.
-- Results   {"not_found"}
--           {"unknown_attempt"}
--           {"paid", now_ms, replayed, record}        sold; where the places had been given back, taken again
--           {"refund_due", now_ms, replayed, record}  the places are gone, the slot has begun, or another attempt had
--                                                     paid, or the event is cancelled: the attempt's money must go back
--           Of an exchange, `paid` means that it is done.
-- Facts     paid, exchanged, refund_due
do
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
    if attempt[ATTEMPT_STATE] == 'pending' and exchanges.of(attempt) then
      return exchanges.confirm(u, r, attempt)
    end
    local given_back = r.state == 'expired' or r.state == 'cancelled'
    local from, cancelled, ended = COUNTER_OF[r.state], event_cancelled(u, r.event), false
    if given_back then
      codes.unname_former(u, r)
    end
    if given_back and not cancelled and not slots.record_is_past(u, r) and not codes.is_short(u, r) then
      from = 'available'
      if r.code then
        codes.count_use(u, r, 1)
      end
      unit_add_customer_places(u, r.event, r.customer, record_places(r))
      if unit_terms(u, r.event).room and r.digest ~= OFFER_DIGEST then
        rooms.took_over(u, r.event, r.customer, r.created_ms, record_places(r)) -- its pass had got them back
      end
    elseif from and cancelled then
      record_move(u, r, r.lines, from, 'available')
      if r.code then
        codes.count_use(u, r, -1)
      end
      unit_add_customer_places(u, r.event, r.customer, -record_places(r))
      from, given_back, ended = nil, true, true
    end
    if from == 'available' and u.limits then
      limits.forgive(u, r)
    elseif (from or ended) and u.limits then
      limits.hold_ended(u, r)
    end
    if u.hoards and (from or ended) then
      hoarding.forgive(u, r, from == 'available' and r.ended_ms or nil)
    end
    if r.digest == OFFER_DIGEST and (from or ended) then
      waitlists.offer_ended(u, r, from and 'taken' or 'ended')
    end
    attempt[ATTEMPT_SETTLED_MS] = u.now_ms
    if from then
      pauses.paid(u, r)
      record_move(u, r, r.lines, from, 'sold')
      slots.add_visits(u, r)
      attempt[ATTEMPT_STATE] = 'completed'
      attempt[ATTEMPT_REASON] = ''
      r.state = 'paid'
      r.ended_ms = u.now_ms
    else
      attempt[ATTEMPT_STATE] = 'refund_due'
      attempt[ATTEMPT_REASON] = LATE
      attempt[ATTEMPT_REFUNDS] = { { r.rid, attempt[ATTEMPT_AMOUNT], u.now_ms, 0, {}, 0 } }
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

  commands.confirm_payment = { run = confirm_payment, names_reservation = true }
end
