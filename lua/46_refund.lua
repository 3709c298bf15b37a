-- refund: a paid reservation ends; its money is owed to the customer from here on.
--
-- Command   {"refund", rid, restock, archived}
--           restock: whether the places are for sale again. If not they stay counted as sold, and nobody's.
--           archived: the record as Postgres has it, for a reservation that is no longer kept here; or nil
-- Keys      pools, purges, customers, ledger, unsettled, hold:<rid>
-- Promise   The debt is durable before the gateway is asked to pay it. Again: the same answer.
-- Results   {"not_found"}
--           {"not_paid", state}
--           {"refund_due", now_ms, replayed, record}
--           {"refunded", now_ms, replayed, record}    it was settled before
-- Facts     refund_due

-- The reason of an attempt whose places stay off sale, without which nobody could tell from the record.
local KEPT = 'kept'

local function refund(u, command)
  local rid, restock, archived = command[2], command[3], command[4]
  local r = unit_record(u, rid)
  if not r and archived then
    r = record_decode(rid, cmsgpack.pack(archived))
  end
  if not r then
    return reply('not_found')
  end
  if r.state == 'refund_due' or r.state == 'refunded' then
    return reply_record(u, r.state, r, true)
  end
  if r.state ~= 'paid' then
    return reply('not_paid', r.state)
  end
  u.records[rid] = r
  for _, attempt in ipairs(r.attempts) do
    if attempt[ATTEMPT_STATE] == 'completed' then
      attempt[ATTEMPT_STATE] = 'refund_due'
      attempt[ATTEMPT_REASON] = restock and '' or KEPT
    end
  end
  if restock then
    unit_move(u, r.event, lines_unpurged(u, r), 'sold', 'available')
  end
  unit_add_customer_places(u, r.event, r.customer, -unit_remove_visits(u, r))
  r.state = 'refund_due'
  r.ended_ms = u.now_ms
  unit_change(u, r)
  unit_fact(u, 'refund_due', r)
  return reply_record(u, 'refund_due', r, false)
end
