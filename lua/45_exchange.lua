-- exchange: moves a paid reservation to other places of its event, all that are asked for or none.
--
-- Command   {"exchange", rid, attempt_id, items, expected_minor, may_charge, over_limit, digest, archived}
--           attempt_id: of the exchange; where it costs more, the gateway's idempotency key
--           items, expected_minor: as in hold, of all that the reservation is to have
--           may_charge: whether there is anything to pay more with
--           over_limit: the customer may have more than max_per_customer
--           digest: of the request, to know a repeat from a misuse of the attempt's id
--           archived: the record as Postgres has it, for a reservation that is no longer kept here; or nil
-- Keys      events, pools, slots, bookings, purges, seats:<event>:<pool>, customers, ledger, unsettled, hold:<rid>
-- Promise   All of it or nothing. What it has is free for the choice. Places that stay keep the price that was paid, also under
--           a code; new places are at ordinary terms.
--           If it costs more, the new places are pinned beside the old ones until the attempt is confirmed or failed.
--           If it costs less or the same, it is done at once, and the difference is owed. The same attempt again has no
--           further effect and answers its outcome.
-- Results   {"not_found"}
--           {"key_reused"}                                the attempt's id was used for another request
--           {"not_paid", state}
--           {"payment_in_progress"}                       another exchange, or a payment, is under way
--           {"booking_expired"}                           a slot of it has begun
--           {"code_not_applicable", 0}, {"code_used_up"}  it has places that are set aside for a code
--           {"unknown_pool", ticket_id}, {"sale_closed"}, {"sale_paused"}, {"not_on_sale_yet", opens_ms},
--           {"slot_not_scheduled", slot}, {"slot_past"}, {"below_minimum", ticket_id, minimum},
--           {"sold_out", ticket_id, available, largest_block, next_return_ms}, {"seat_taken", {{pool, {seat...}}...}}, {"again"},
--           {"price_changed", total_minor, currency}, {"limit_exceeded", limit, taken}, {"out_of_memory"}
--                                                         as in hold
--           {"amount_mismatch", difference_minor, currency}   it costs so much more, and nothing may be charged
--           {"too_many_attempts", limit}                  that many payments and exchanges of it are kept
--           {"payment_failed", now_ms, replayed, record}  this attempt failed before; nothing was exchanged
--           {"refund_due", now_ms, replayed, record}      this attempt's money came too late, and goes or went back
--           {"exchanging", now_ms, replayed, record}      pinned: the difference must be charged
--           {"exchanged", now_ms, replayed, record}
-- Facts     exchanging, exchanged
do
  -- The number of attempts kept per reservation. Those without money are dropped first.
  local ATTEMPTS_KEPT = 8

  -- The answer to an attempt that was made before.
  local function repeated(u, r, attempt, digest)
    if attempt[ATTEMPT_DIGEST] ~= digest or not exchanges.of(attempt) then
      return reply('key_reused')
    end
    local state = attempt[ATTEMPT_STATE]
    if state == 'pending' then
      return reply_record(u, 'exchanging', r, true)
    elseif state == 'failed' then
      return reply_record(u, 'payment_failed', r, true)
    elseif attempt[ATTEMPT_REASON] == LATE then
      return reply_record(u, 'refund_due', r, true)
    end
    return reply_record(u, 'exchanged', r, true)
  end

  local function has_pending(r)
    for _, attempt in ipairs(r.attempts) do
      if attempt[ATTEMPT_STATE] == 'pending' then
        return true
      end
    end
    return false
  end

  -- True if nothing of an attempt's money is here any more, and none is to go back.
  local function is_void(attempt)
    local state = attempt[ATTEMPT_STATE]
    return state == 'failed' or state == 'refunded'
      or state == 'completed' and attempt[ATTEMPT_AMOUNT] == 0 and #attempt[ATTEMPT_REFUNDS] == 0
  end

  -- The place of the attempt that is forgotten for a new one; nil where none can be, 0 where none needs to be.
  -- The last one that bought places stays, even if it was free: refunds are written in it.
  local function forgettable(r)
    if #r.attempts < ATTEMPTS_KEPT then
      return 0
    end
    local bought = 0
    for _, attempt in ipairs(r.attempts) do
      bought = bought + (refunds.has_bought(attempt) and 1 or 0)
    end
    for i, attempt in ipairs(r.attempts) do
      if is_void(attempt) and (bought > 1 or not refunds.has_bought(attempt)) then
        return i
      end
    end
    return nil
  end

  -- The refusal of items that cannot be had now at all, or nil.
  local function refusal_of(u, r, terms, items)
    if r.state ~= 'paid' then
      return reply('not_paid', r.state)
    elseif has_pending(r) then
      return reply('payment_in_progress')
    elseif slots.record_is_past(u, r) then
      return reply('booking_expired')
    elseif r.code and r.code[2] == 'allocation' then
      return reply('code_not_applicable', 0)
    end
    local refusal = sale.refusal(u, terms)
    for i = 1, #items do
      refusal = refusal or sale.item_refusal(u, terms, items[i])
    end
    return refusal or sale.minimum_refusal(terms, items)
  end

  -- The lines that the record is to have; or nil and the refusal.
  local function lines_after(u, r, command, terms, items)
    local lines, refusal = changes.choose(u, r, terms, items, nil, 'sold')
    if not lines then
      return nil, u.backlog and reply('again') or refusal
    end
    local gained = record_places({ lines = lines }) - record_places(r)
    refusal = gained > 0 and not command[7] and bookings.refusal_of_more(u, r.event, terms, r.customer, gained)
    if refusal then
      return nil, refusal
    end
    local total_minor = record_total({ lines = lines })
    if command[5] >= 0 and total_minor ~= command[5] then
      return nil, reply('price_changed', total_minor, r.currency)
    end
    if total_minor > record_total(r) and not command[6] then
      return nil, reply('amount_mismatch', total_minor - record_total(r), r.currency)
    end
    return lines
  end

  -- Lines as text: those that come from Postgres have empty lists where others have nothing.
  local function text_of(lines)
    local parts = {}
    for i, line in ipairs(changes.lines_joined({}, lines)) do
      parts[i] = table.concat({
        line[LINE_TICKET], line[LINE_POOL], line[LINE_QUANTITY], line[LINE_UNIT_MINOR], line[LINE_OFF_MINOR] or '',
        table.concat(line[LINE_SEATS] or {}, ','),
      }, ' ')
    end
    return table.concat(parts, ';')
  end

  local function exchange(u, command)
    local rid, attempt_id, digest = command[2], command[3], command[8]
    local r = refunds.record(u, rid, command[9])
    if not r then
      return reply('not_found')
    end
    local known = record_attempt(r, attempt_id)
    if known then
      return repeated(u, r, known, digest)
    end
    local items, terms = cjson.decode(command[4]), unit_terms(u, r.event)
    local refusal, lines = refusal_of(u, r, terms, items)
    if not refusal then
      lines, refusal = lines_after(u, r, command, terms, items)
    end
    if not lines then
      return refusal
    end
    if text_of(lines) == text_of(r.lines) then
      return reply_record(u, 'exchanged', r, true)
    end
    local forgotten = forgettable(r)
    if not forgotten then
      return reply('too_many_attempts', ATTEMPTS_KEPT)
    elseif u.memory_full then
      return reply('out_of_memory')
    end
    if forgotten > 0 then
      table.remove(r.attempts, forgotten)
    end
    local change, difference_minor = { r.lines, lines }, record_total({ lines = lines }) - record_total(r)
    local word = difference_minor > 0 and 'exchanging' or 'exchanged'
    local attempt = { attempt_id, 'pending', difference_minor, u.now_ms, 0, '', digest, {}, {}, { change } }
    u.records[rid] = r
    if difference_minor > 0 then
      exchanges.pin(u, r, change)
    else
      attempt[ATTEMPT_STATE], attempt[ATTEMPT_AMOUNT], attempt[ATTEMPT_SETTLED_MS] = 'completed', 0, u.now_ms
      local fewer = math.max(0, record_places(r) - record_places({ lines = lines }))
      local places = refunds.places_of(changes.places_beyond(r.lines, lines), fewer)
      exchanges.swap(u, r, change, 'available')
      if difference_minor < 0 or fewer > 0 then
        refunds.owe_newest(u, r, attempt_id, math.min(-difference_minor, refunds.left_minor(r)), places, -difference_minor)
      end
    end
    table.insert(r.attempts, attempt)
    unit_change(u, r)
    unit_fact(u, word, r)
    return reply_record(u, word, r, false)
  end

  commands.exchange = { run = exchange, names_reservation = true }
end
