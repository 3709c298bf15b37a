-- dispute_payment: the gateway has another amount of an attempt than is owed, or somebody decided about that.
--
-- Command   {"dispute_payment", rid, attempt_id, received_minor, received_currency, note}
--           received: what the gateway has; of a refund that it refuses, what is left to go back
--           note: of who decided, before it is done; empty: nobody has yet
-- Keys      ledger, unsettled, hold:<rid>
-- Promise   Nothing else changes: the places stay where they are until the payment is confirmed or failed. Again: the same
--           answer.
-- Results   {"not_found"}
--           {"unknown_attempt"}
--           {"payment_settled"}     its money was taken, and none is to go back
--           {"disputed", now_ms, replayed, record}
-- Facts     disputed, changed with a note
do
  local function dispute_payment(u, command)
    local r = unit_record(u, command[2])
    if not r then
      return reply('not_found')
    end
    local attempt = record_attempt(r, command[3])
    if not attempt then
      return reply('unknown_attempt')
    end
    local state = attempt[ATTEMPT_STATE]
    if state == 'refunded' or state == 'completed' and not attempt_owes(attempt) then
      return reply('payment_settled')
    end
    local minor, currency, note = command[4], command[5], command[6]
    local before = attempt[ATTEMPT_RECEIVED][1]
    if before and before[1] == minor and before[2] == currency and before[3] == note then
      return reply_record(u, 'disputed', r, true)
    end
    attempt[ATTEMPT_RECEIVED] = { { minor, currency, note } }
    unit_change(u, r)
    unit_fact(u, note == '' and 'disputed' or 'changed', r)
    return reply_record(u, 'disputed', r, false)
  end

  commands.dispute_payment = { run = dispute_payment, names_reservation = true }
end
