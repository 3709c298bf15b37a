-- settle_refund: the gateway has given the money of an attempt back.
--
-- Command   {"settle_refund", rid, attempt_id}
-- Keys      ledger, unsettled, hold:<rid>
-- Promise   Again: the same answer.
-- Results   {"not_found"}
--           {"unknown_attempt"}
--           {"not_paid", state}     no refund is due for the attempt; `state` is the attempt's
--           {"refunded", now_ms, replayed, record}
-- Facts     refunded
local function settle_refund(u, command)
  local r = unit_record(u, command[2])
  if not r then
    return reply('not_found')
  end
  local attempt = record_attempt(r, command[3])
  if not attempt then
    return reply('unknown_attempt')
  end
  if attempt[ATTEMPT_STATE] == 'refunded' then
    return reply_record(u, 'refunded', r, true)
  end
  if attempt[ATTEMPT_STATE] ~= 'refund_due' then
    return reply('not_paid', attempt[ATTEMPT_STATE])
  end
  attempt[ATTEMPT_STATE] = 'refunded'
  attempt[ATTEMPT_SETTLED_MS] = u.now_ms
  if r.state == 'refund_due' and not record_has_attempt(r, 'refund_due') then
    r.state = 'refunded'
    r.ended_ms = u.now_ms
  end
  unit_change(u, r)
  unit_fact(u, 'refunded', r)
  return reply_record(u, 'refunded', r, false)
end
