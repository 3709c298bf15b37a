-- Exchanges: a paid reservation moves to other places of its event (45_exchange.lua).
--
-- An exchange that costs more is an attempt like any other, with the lines before and after. While it is pending, the record
-- is paid and has its old places. Places that only the new lines have are pinned, too, in the counter `paying`. The limit
-- of the customer counts the larger number of both. confirm_payment swaps them, fail_payment gives the new ones back.

local exchanges = {}
do
  -- The exchange {lines before, lines after} that an attempt is for, or nil.
  function exchanges.of(attempt)
    return attempt[ATTEMPT_EXCHANGE] and attempt[ATTEMPT_EXCHANGE][1]
  end

  -- True if an exchange of the record waits for its money.
  function exchanges.is_pending(r)
    for _, attempt in ipairs(r.attempts) do
      if attempt[ATTEMPT_STATE] == 'pending' and exchanges.of(attempt) then
        return true
      end
    end
    return false
  end

  -- The number of places that the customer has more by an exchange; 0 if fewer.
  local function places_gained(exchange)
    return math.max(0, record_places({ lines = exchange[2] }) - record_places({ lines = exchange[1] }))
  end

  -- Pins the new places for an attempt, or takes them back.
  local function move_pins(u, r, exchange, from, to, places)
    unit_move(u, r.event, changes.places_beyond(exchange[2], exchange[1]), from, to)
    unit_add_customer_places(u, r.event, r.customer, places)
  end

  function exchanges.pin(u, r, exchange)
    move_pins(u, r, exchange, 'available', 'paying', places_gained(exchange))
  end

  function exchanges.unpin(u, r, exchange)
    move_pins(u, r, exchange, 'paying', 'available', -places_gained(exchange))
  end

  -- Swaps the places of a record that names a code: places may leave it although they stay. With the last of them it names none.
  local function swap_under_code(u, r, before, after, from)
    if from == 'paying' then
      unit_move(u, r.event, changes.places_beyond(after, before), from, 'available')
    end
    codes.move(u, r, before, 'sold', 'available', true)
    codes.move(u, r, after, 'available', 'sold')
    local lost = slots.unpurged(u, r.event, changes.places_beyond(before, after))
    unit_move(u, r.event, lost, 'available', 'available') -- seats that were lent are blocked again
    if not codes.any(after) then
      codes.unname(u, r)
    end
  end

  -- The record has the new places, which stand in counter `from`, and the old ones are for sale.
  function exchanges.swap(u, r, exchange, from)
    local before, after = exchange[1], exchange[2]
    local counted = slots.remove_visits(u, r) + (from == 'paying' and places_gained(exchange) or 0)
    if r.code then
      swap_under_code(u, r, before, after, from)
    else
      unit_move(u, r.event, slots.unpurged(u, r.event, changes.places_beyond(before, after)), 'sold', 'available')
      unit_move(u, r.event, changes.places_beyond(after, before), from, 'sold')
    end
    r.lines = after
    unit_add_customer_places(u, r.event, r.customer, slots.add_visits_again(u, r) - counted)
  end

  -- The money of a pending exchange was taken. Where the event is cancelled it goes back, and nothing is exchanged.
  function exchanges.confirm(u, r, attempt)
    local exchange, cancelled = exchanges.of(attempt), event_cancelled(u, r.event)
    attempt[ATTEMPT_SETTLED_MS] = u.now_ms
    if cancelled then
      exchanges.unpin(u, r, exchange)
      attempt[ATTEMPT_STATE], attempt[ATTEMPT_REASON] = 'refund_due', LATE
      refunds.owe(u, attempt, r.rid, attempt[ATTEMPT_AMOUNT], {}, 0)
    else
      exchanges.swap(u, r, exchange, 'paying')
      attempt[ATTEMPT_STATE] = 'completed'
    end
    unit_change(u, r)
    unit_fact(u, cancelled and 'refund_due' or 'exchanged', r)
    return reply_record(u, cancelled and 'refund_due' or 'paid', r, false)
  end
end
