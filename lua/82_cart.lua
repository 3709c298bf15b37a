-- onsale_cart: a cart, which says that reservations of several events are held, booked and paid as one.
--
-- A cart holds nothing itself. For each of its events there is one reservation, whose id is derived from event, cart and
-- generation (engine/carts.py), in the event's partition; what may be taken and sold is decided there. Here is decided, at
-- one place and before it is done, what is done to all of them.
--
-- Keys      cart:{<uuid>} (hash), with a TTL always: state, generation, deadline_ms, payment, owner, event:<event_id>...
--           generation: grows with each new beginning, so that ids are never used twice; payment: the same for bookings.
--           Both are instants in ms, pushed on where two would be the same.
--           owner: the customer whose join made the cart; empty if it was nobody's, as it then stays.
-- Arguments word, keep_ms (how long the cart is kept past its deadline), owner (the customer who asks; empty: whoever may
--           touch every cart), then
--           join event_id hold_ms gone     before a reservation of the event is made or changed. The first event starts the
--                                          deadline, later ones do not move it. A cart that ran out, whose payment failed,
--                                          or whose generation is `gone` (its holds are), starts anew.
--           leave event_id generation      nothing could be held: undoes the join that began the cart
--           begin                          opens a booking; none of the reservations is pinned yet
--           book payment                   all are pinned: from here on the payment's outcome decides
--           unbook payment                 not all can be pinned: the cart is open again, and all are to be unpinned
--           settle payment outcome         outcome: completed or failed; to be done to all from here on
--           read
-- Promise   A customer finds no cart that is not its own: to it there is none.
--           Of a payment, at most one of unbook, completed and failed ever succeeds. All of it or nothing is written.
-- Replies   {word, now_ms, state, generation, deadline_ms, payment, owner, event_id...}
--           word: ok, none (no such cart), full (no more events), expired (it ran out),
--                 refused (its state, or its payment, is another)
-- States    none -> open -> booking -> booked -> completed | failed;  booking -> open;  failed -> open

local cart
do
  local CART_STATES = { open = true, booking = true, booked = true, completed = true, failed = true }

  -- The most events in a cart.
  local CART_EVENTS = 20

  -- A booking that took longer has died on its way: the cart is open again.
  local BOOKING_MS = 30000

  local function cart_none()
    return { state = 'none', generation = 0, deadline_ms = 0, payment = 0, owner = '', events = {}, has = {} }
  end

  local function cart_read(key, now_ms)
    local stored = redis.call('HGETALL', key)
    if #stored == 0 then
      return cart_none()
    end
    local fields, events, has = {}, {}, {}
    for i = 1, #stored, 2 do
      local event = string.match(stored[i], '^event:(%d+)$')
      if event then
        events[#events + 1] = event
        has[event] = true
      else
        fields[stored[i]] = stored[i + 1]
      end
    end
    local cart = {
      state = fields.state, generation = tonumber(fields.generation), deadline_ms = tonumber(fields.deadline_ms),
      payment = tonumber(fields.payment), owner = fields.owner or '', events = events, has = has,
    }
    if not CART_STATES[cart.state] or not (cart.generation and cart.deadline_ms and cart.payment) then
      error('damaged cart ' .. key .. '; delete it: its reservations run out, or are settled by the sync worker', 0)
    end
    if cart.state == 'booking' and now_ms >= cart.payment + BOOKING_MS then
      cart.state = 'open'
    end
    return cart
  end

  local function cart_write(key, cart, now_ms, keep_ms)
    local fields = {
      'state', cart.state, 'generation', string.format('%.0f', cart.generation),
      'deadline_ms', string.format('%.0f', cart.deadline_ms), 'payment', string.format('%.0f', cart.payment),
      'owner', cart.owner,
    }
    for _, event in ipairs(cart.events) do
      fields[#fields + 1] = 'event:' .. event
      fields[#fields + 1] = ''
    end
    redis.call('DEL', key)
    redis.call('HSET', key, unpack(fields))
    redis.call('PEXPIRE', key, string.format('%.0f', math.max(0, cart.deadline_ms - now_ms) + keep_ms))
  end

  -- By word: changes the cart and returns the reply's word, and whether there is something to write.
  local CART = {}

  function CART.read(cart)
    return cart.state == 'none' and 'none' or 'ok', false
  end

  function CART.join(cart, now_ms, event, hold_ms, gone)
    if cart.state ~= 'none' and cart.state ~= 'open' and cart.state ~= 'failed' then
      return 'refused', false
    end
    if cart.state ~= 'open' or now_ms >= cart.deadline_ms or cart.generation == tonumber(gone) then
      cart.state = 'open'
      cart.generation = math.max(now_ms, cart.generation + 1)
      cart.deadline_ms = now_ms + tonumber(hold_ms)
      cart.events, cart.has = {}, {}
    end
    if cart.has[event] then
      return 'ok', false
    end
    if #cart.events >= CART_EVENTS then
      return 'full', false
    end
    table.insert(cart.events, event)
    return 'ok', true
  end

  function CART.leave(cart, _, event, generation)
    local alone = #cart.events == 1 and cart.has[event]
    if cart.state ~= 'open' or cart.generation ~= tonumber(generation) or not alone then
      return 'refused', false
    end
    cart.deadline_ms, cart.events = 0, {}
    return 'ok', true
  end

  function CART.begin(cart, now_ms)
    if cart.state == 'none' then
      return 'none', false
    end
    if cart.state ~= 'open' then
      return 'ok', false
    end
    if now_ms >= cart.deadline_ms then
      return 'expired', false
    end
    cart.state = 'booking'
    cart.payment = math.max(now_ms, cart.payment + 1)
    return 'ok', true
  end

  -- Moves the cart from one state to another, if it is about this payment; what was done before is done.
  local function cart_move(cart, payment, from, to)
    if cart.payment ~= tonumber(payment) or (cart.state ~= from and cart.state ~= to) then
      return 'refused', false
    end
    local changed = cart.state ~= to
    cart.state = to
    return 'ok', changed
  end

  function CART.book(cart, _, payment)
    return cart_move(cart, payment, 'booking', 'booked')
  end

  function CART.unbook(cart, _, payment)
    return cart_move(cart, payment, 'booking', 'open')
  end

  function CART.settle(cart, _, payment, outcome)
    if outcome ~= 'completed' and outcome ~= 'failed' then
      error('unknown outcome ' .. tostring(outcome), 0)
    end
    return cart_move(cart, payment, 'booked', outcome)
  end

  local function cart_reply(word, now_ms, cart)
    return {
      word, string.format('%.0f', now_ms), cart.state, string.format('%.0f', cart.generation),
      string.format('%.0f', cart.deadline_ms), string.format('%.0f', cart.payment), cart.owner, unpack(cart.events),
    }
  end

  function cart(keys, args)
    local time = redis.call('TIME')
    local now_ms = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000
    local act = CART[args[1]]
    if not act then
      error('unknown word ' .. tostring(args[1]), 0)
    end
    local found, owner = cart_read(keys[1], now_ms), args[3]
    if found.state == 'none' then
      found.owner = owner
    elseif owner ~= '' and owner ~= found.owner then
      return cart_reply('none', now_ms, cart_none())
    end
    local word, changed = act(found, now_ms, unpack(args, 4))
    if changed then
      cart_write(keys[1], found, now_ms, tonumber(args[2]))
    end
    return cart_reply(word, now_ms, found)
  end
end
