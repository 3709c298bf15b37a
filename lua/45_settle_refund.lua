-- settle_refund: the gateway has given money of an attempt back.
--
-- Command   {"settle_refund", rid, attempt_id, refund_id}
-- Keys      ledger, unsettled, hold:<rid>
-- Promise   Again: the same answer.
-- Results   {"not_found"}
--           {"unknown_attempt"}
--           {"not_paid", state}     no such refund of the attempt; `state` is the attempt's
--           {"refunded", now_ms, replayed, record}
-- Facts     refunded
do
  local function refund_of(attempt, refund_id)
    for _, refund in ipairs(attempt[ATTEMPT_REFUNDS]) do
      if refund[REFUND_ID] == refund_id then
        return refund
      end
    end
    return nil
  end

  -- True if all money of a reservation that ended has gone back.
  local function is_refunded(r)
    for _, attempt in ipairs(r.attempts) do
      if attempt[ATTEMPT_STATE] == 'refund_due' then
        return false
      end
    end
    return r.state == 'refund_due'
  end

  local function settle_refund(u, command)
    local r = unit_record(u, command[2])
    if not r then
      return reply('not_found')
    end
    local attempt = record_attempt(r, command[3])
    if not attempt then
      return reply('unknown_attempt')
    end
    local refund = refund_of(attempt, command[4])
    if not refund then
      return reply('not_paid', attempt[ATTEMPT_STATE])
    end
    if refund[REFUND_SETTLED_MS] > 0 then
      return reply_record(u, 'refunded', r, true)
    end
    refund[REFUND_SETTLED_MS] = u.now_ms
    if attempt[ATTEMPT_STATE] == 'refund_due' and not attempt_owes(attempt) then
      attempt[ATTEMPT_STATE] = 'refunded'
    end
    if is_refunded(r) then
      r.state = 'refunded'
      r.ended_ms = u.now_ms
    end
    unit_change(u, r)
    unit_fact(u, 'refunded', r)
    return reply_record(u, 'refunded', r, false)
  end

  commands.settle_refund = { run = settle_refund, names_reservation = true }
end
