-- Giving money and places back after a sale: what refund, refund_some, restock and exchange have in common.

local refunds = {}
do
  -- The record that a command names; of one that is no longer kept here as Postgres has it, from the command. Nil if none.
  function refunds.record(u, rid, archived)
    return unit_record(u, rid) or record_archived(rid, archived)
  end

  -- The places of lines as a refund tells them: {ticket_id, quantity}..., `most` of them at most.
  function refunds.places_of(lines, most)
    local places, at = {}, {}
    for _, line in ipairs(lines) do
      local ticket_id, quantity = line[LINE_TICKET], math.min(most, line[LINE_QUANTITY])
      most = most - quantity
      if quantity > 0 and at[ticket_id] then
        at[ticket_id][2] = at[ticket_id][2] + quantity
      elseif quantity > 0 then
        at[ticket_id] = { ticket_id, quantity }
        places[#places + 1] = at[ticket_id]
      end
    end
    return places
  end

  -- Owes an attempt's money, which goes with these places of that price.
  function refunds.owe(u, attempt, refund_id, amount_minor, places, worth_minor)
    table.insert(attempt[ATTEMPT_REFUNDS], { refund_id, amount_minor, u.now_ms, 0, places, worth_minor })
    if attempt[ATTEMPT_STATE] == 'refunded' then -- less than was charged had gone back
      attempt[ATTEMPT_STATE] = 'refund_due'
    end
  end

  -- The states of attempts whose money came, also of those of a record that ended.
  local CHARGED = { completed = true, refund_due = true, refunded = true }

  -- True if an attempt bought what the record has or had. All of what came late goes back by itself.
  function refunds.has_bought(attempt)
    return CHARGED[attempt[ATTEMPT_STATE]] and attempt[ATTEMPT_REASON] ~= LATE
  end

  -- The rest of the money that was paid for a record, in minor units. Of one that ended: what was kept.
  function refunds.left_minor(r)
    local left = 0
    for _, attempt in ipairs(r.attempts) do
      if refunds.has_bought(attempt) then
        left = left + attempt[ATTEMPT_AMOUNT] - attempt_refunded(attempt)
      end
    end
    return left
  end

  -- True if a record was paid and has ended.
  function refunds.has_ended(r)
    return r.state == 'refund_due' or r.state == 'refunded'
  end

  -- Owes so much of that, the money that came last first. The first part of the refund names the places.
  function refunds.owe_newest(u, r, refund_id, amount_minor, places, worth_minor)
    local first
    for i = #r.attempts, 1, -1 do
      local attempt = r.attempts[i]
      local bought = refunds.has_bought(attempt)
      local part = math.min(bought and attempt[ATTEMPT_AMOUNT] - attempt_refunded(attempt) or 0, amount_minor)
      first = first or bought and attempt or nil
      if part > 0 then
        refunds.owe(u, attempt, refund_id, part, places, worth_minor)
        amount_minor, places, worth_minor = amount_minor - part, {}, 0
      end
    end
    if #places > 0 or worth_minor > 0 or not refunds.state_of(r, refund_id) then
      refunds.owe(u, first or damaged('payment of ' .. r.rid), refund_id, 0, places, worth_minor)
    end
  end

  -- The state of a refund that was made before: refund_due, or refunded once all of its money has gone back; or nil.
  function refunds.state_of(r, refund_id)
    local known
    for _, attempt in ipairs(r.attempts) do
      for _, refund in ipairs(attempt[ATTEMPT_REFUNDS]) do
        if refund[REFUND_ID] == refund_id and known ~= 'refund_due' then
          known = refund[REFUND_SETTLED_MS] > 0 and 'refunded' or 'refund_due'
        end
      end
    end
    return known
  end

  -- A record has lost its last place, before or now: all its payments are to go back, each as far as it is owed.
  function refunds.end_payments(u, r, refund_id)
    for _, attempt in ipairs(r.attempts) do
      if attempt[ATTEMPT_STATE] == 'completed' then
        attempt[ATTEMPT_STATE] = 'refund_due'
        if not attempt_owes(attempt) then
          refunds.owe(u, attempt, refund_id, 0, {}, 0)
        end
      end
    end
    r.state = 'refund_due'
    r.ended_ms = u.now_ms
  end

  -- Takes places that were sold from their customer: for sale again, or kept off sale. `rest` is what the record has left;
  -- nil: it ends, and its record keeps what it had.
  function refunds.give_up(u, r, lines, rest, restock)
    local before = slots.remove_visits(u, r)
    local there = slots.unpurged(u, r.event, lines)
    record_move(u, r, r.code and lines or there, 'sold', restock and 'available' or 'kept')
    if not restock then
      r.kept = changes.lines_joined(r.kept, there)
    end
    local after = 0
    if rest then
      r.lines = rest
      after = slots.add_visits_again(u, r)
    elseif r.code then
      codes.count_use(u, r, -1)
    end
    unit_add_customer_places(u, r.event, r.customer, after - before)
  end

  -- Puts what was kept off sale on sale again; returns whether there was anything.
  function refunds.restock(u, r)
    if #r.kept == 0 then
      return false
    end
    record_move(u, r, r.code and r.kept or slots.unpurged(u, r.event, r.kept), 'kept', 'available')
    r.kept = {}
    u.records[r.rid] = r
    unit_change(u, r)
    unit_fact(u, 'restocked', r)
    return true
  end
end
