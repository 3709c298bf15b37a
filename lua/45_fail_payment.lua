-- fail_payment: the gateway will not take the money of an attempt, now or later.
--
-- Command   {"fail_payment", rid, attempt_id, reason, give_back}
--           give_back: the hold ends with its attempt, in the same step, because nobody is there to try another
-- Keys      pools, customers, ledger, deadlines, unsettled, hold:<rid>
-- Promise   The hold lives on until its own deadline, or is given back if that has passed, the event is cancelled, or
--           `give_back` says so. Of an exchange the new places are given back, and the reservation stays as it was.
--           Again: the same answer.
-- Results   {"not_found"}
--           {"unknown_attempt"}
--           {"payment_settled"}                            the attempt's money was taken before
--           {"payment_failed", now_ms, replayed, record}   the record says whether the hold lives
-- Facts     payment_failed, then expired or cancelled if the places were given back
do
  local function fail_payment(u, command)
    local r = unit_record(u, command[2])
    if not r then
      return reply('not_found')
    end
    local attempt = record_attempt(r, command[3])
    if not attempt then
      return reply('unknown_attempt')
    end
    if attempt[ATTEMPT_STATE] == 'failed' then
      return reply_record(u, 'payment_failed', r, true)
    end
    if attempt[ATTEMPT_STATE] ~= 'pending' then
      return reply('payment_settled')
    end
    attempt[ATTEMPT_STATE] = 'failed'
    attempt[ATTEMPT_SETTLED_MS] = u.now_ms
    attempt[ATTEMPT_REASON] = command[4]
    if exchanges.of(attempt) then
      exchanges.unpin(u, r, exchanges.of(attempt))
    elseif r.state == 'paying' then
      r.state = 'held'
      record_move(u, r, r.lines, 'paying', 'held')
    end
    unit_change(u, r)
    unit_fact(u, 'payment_failed', r)
    local due = u.now_ms >= r.deadline_ms
    local cancelled = event_cancelled(u, r.event)
    if r.state == 'held' and (due or cancelled or command[5]) then
      r.pinned = true
      unit_give_back(u, r, 'held', due and not cancelled and 'expired' or 'cancelled')
    end
    return reply_record(u, 'payment_failed', r, false)
  end

  commands.fail_payment = { run = fail_payment, names_reservation = true }
end
