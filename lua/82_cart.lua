-- onsale_cart: a cart, which says that reservations of several events are held, booked and paid as one.
--
-- A cart holds nothing itself. For each of its events there is one reservation, in the event's partition, which decides what
-- may be taken and sold. Its id is derived from event, cart, generation and part (engine/carts.py). Here it is decided, at
-- one place and beforehand, what is done to all of them.
--
-- Keys      cart:{<uuid>} (hash), with a TTL always: state, generation, deadline_ms, payment, owner, currency, parts,
--           event:<event_id>...
--           generation: grows with each new beginning, so that ids are never used twice; payment: the same for bookings.
--           Both are instants in ms, pushed on where two would be the same.
--           event:<event_id>: its part, a number that is given once in a generation; parts: the last that was given.
--           deadline_ms: the earliest of its parts; 0: there is no such cart any more, though its payments may be known.
--           A cart that holds nothing and was never booked is kept for a minute.
--           currency: of all its prices, once an event has joined; of an earlier version there is none.
--           owner: the customer whose join made the cart, who was named then, or who claimed it; empty: it has no customer.
-- Arguments word, keep_ms, owner, then those of the word
--           keep_ms: how long the cart is kept past its deadline
--           owner: the requesting customer; empty: a caller who may use every cart
--
--           join event_id hold_ms gone gone_part percent buyer currency code freed
--                                          before a reservation of the event is made or changed. The first event starts the
--                                          deadline. A cart starts again if it expired, has nothing left, or its payment
--                                          failed, or if its generation is `gone` (its holds have ended). An event whose
--                                          part is `gone_part` (its hold ended) gets another one. From `percent` of
--                                          maxmemory on, no new event joins (06_memory.lua). buyer: the cart's customer
--                                          from now on, if the cart begins and has none; empty: no change.
--                                          currency: of the event's prices. code: `event/code` that the item names, or
--                                          empty. A cart has one, unless its code is `freed` (its hold is over)
--           claim customer                 gives a cart without a customer to this one; its reservations must follow
--           unclaim customer               undoes a claim, because they cannot follow
--           shorten generation deadline_ms a part has this earlier deadline, as this server has answered it
--           leave event_id generation part nothing could be held: undoes a join; the cart goes with its last event
--           drop event_id generation part  nothing of the event is left; the cart stays
--           discard                        discards an open cart: all its holds must then be cancelled. The answer for a cart
--                                          of another customer is `other`, because `none` would mean that it is discarded
--           begin                          opens a booking; none of the reservations is pinned yet
--           book payment                   all are pinned: from here on the payment's outcome decides
--           unbook payment                 not all can be pinned: the cart is open again, and all must be unpinned
--           settle payment outcome         outcome: completed or failed; to be done to all from here on
--           read
-- Promise   A customer finds no cart that is not its own: to it there is none.
--           Of a payment, at most one of unbook, completed and failed ever succeeds. All of it or nothing is written.
-- Replies   {word, now_ms, state, generation, deadline_ms, payment, owner, currency, event_id:part...}
--           ok               done
--           none             no such cart
--           full             no more events can join
--           expired          its deadline is over
--           out_of_memory    Redis is too full to begin anything
--           currency         it has prices in another currency
--           code             it has another code
--           refused          its state, or its payment, is another
--           other            it is another customer's, or began without a customer
-- States    none -> open -> booking -> booked -> completed | failed;  booking -> open;  failed -> open

do
  local CART_STATES = { open = true, booking = true, booked = true, completed = true, failed = true }

  -- The most events in a cart.
  local CART_EVENTS = 20

  -- The time for which a cart is kept that holds nothing and was never booked.
  local EMPTY_MS = 60000

  -- A booking that took longer has died on its way: the cart is open again.
  local BOOKING_MS = 30000

  local function cart_none()
    return { state = 'none', generation = 0, deadline_ms = 0, payment = 0, owner = '', currency = '', code = '', parts = 0, events = {}, has = {} }
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
        has[event] = tonumber(stored[i + 1])
      else
        fields[stored[i]] = stored[i + 1]
      end
    end
    local cart = {
      state = fields.state, generation = tonumber(fields.generation), deadline_ms = tonumber(fields.deadline_ms),
      payment = tonumber(fields.payment), owner = fields.owner or '',
      currency = fields.currency or FIRST_CURRENCY, code = fields.code or '',
      parts = tonumber(fields.parts), events = events, has = has,
    }
    if not CART_STATES[cart.state] or not (cart.generation and cart.deadline_ms and cart.payment and cart.parts) then
      error('damaged cart ' .. key .. '; delete it: its reservations expire, or are settled by the sync worker', 0)
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
      'owner', cart.owner, 'currency', cart.currency, 'code', cart.code, 'parts', string.format('%.0f', cart.parts),
    }
    for _, event in ipairs(cart.events) do
      fields[#fields + 1] = 'event:' .. event
      fields[#fields + 1] = string.format('%.0f', cart.has[event])
    end
    redis.call('DEL', key)
    redis.call('HSET', key, unpack(fields))
    local holds_nothing = cart.state == 'open' and cart.payment == 0 and (#cart.events == 0 or cart.deadline_ms == 0)
    local live_ms = holds_nothing and EMPTY_MS or math.max(0, cart.deadline_ms - now_ms) + keep_ms
    redis.call('PEXPIRE', key, string.format('%.0f', live_ms))
  end

  -- By word: changes the cart and returns the reply's word, and whether there is something to write.
  local CART = {}

  function CART.read(cart)
    return cart.state == 'none' and 'none' or 'ok', false
  end

  -- Gives an event the next part.
  local function add_part(cart, event)
    cart.parts = cart.parts + 1
    cart.has[event] = cart.parts
  end

  function CART.join(cart, now_ms, event, hold_ms, gone, gone_part, percent, buyer, currency, code, freed)
    if percent and not cart.has[event] and memory_is_full(now_ms, tonumber(percent), 0) then
      return 'out_of_memory', false
    end
    if cart.state ~= 'none' and cart.state ~= 'open' and cart.state ~= 'failed' then
      return 'refused', false
    end
    local over = now_ms >= cart.deadline_ms or #cart.events == 0 or cart.generation == tonumber(gone)
    local begins = cart.state ~= 'open' or over
    if buyer and buyer ~= '' and buyer ~= cart.owner and (cart.owner ~= '' or not begins) then
      return 'other', false
    end
    if not begins and currency ~= cart.currency then
      return 'currency', false
    end
    if not begins and code and code ~= '' and cart.code ~= '' and cart.code ~= code and cart.code ~= freed then
      return 'code', false
    end
    if begins then
      cart.code = ''
      cart.currency = currency
      cart.owner = buyer and buyer ~= '' and buyer or cart.owner
      cart.state = 'open'
      cart.generation = math.max(now_ms, cart.generation + 1)
      cart.deadline_ms = now_ms + tonumber(hold_ms)
      cart.events, cart.has, cart.parts = {}, {}, 0
    end
    local recoded = code and code ~= '' and cart.code ~= code
    if recoded then
      cart.code = code
    end
    if cart.has[event] then
      local renewed = cart.has[event] == tonumber(gone_part)
      if renewed then
        add_part(cart, event)
      end
      return 'ok', renewed or recoded
    end
    if #cart.events >= CART_EVENTS then
      return 'full', false
    end
    table.insert(cart.events, event)
    add_part(cart, event)
    return 'ok', true
  end

  function CART.claim(cart, now_ms, customer)
    if cart.state == 'none' or cart.deadline_ms == 0 or cart.owner ~= '' and cart.owner ~= customer then
      return 'none', false
    end
    if cart.state == 'open' and now_ms >= cart.deadline_ms then
      return 'expired', false
    end
    if cart.state ~= 'open' and cart.state ~= 'booked' then
      return 'refused', false
    end
    local changed = cart.owner ~= customer
    cart.owner = customer
    return 'ok', changed
  end

  function CART.unclaim(cart, _, customer)
    if cart.owner ~= customer then
      return 'refused', false
    end
    cart.owner = ''
    return 'ok', true
  end

  function CART.shorten(cart, _, generation, deadline_ms)
    if cart.state ~= 'open' or cart.generation ~= tonumber(generation) then
      return 'refused', false
    end
    local earlier = tonumber(deadline_ms) < cart.deadline_ms
    if earlier then
      cart.deadline_ms = tonumber(deadline_ms)
    end
    return 'ok', earlier
  end

  function CART.drop(cart, _, event, generation, part)
    local same = cart.generation == tonumber(generation) and cart.has[event] == tonumber(part)
    if cart.state ~= 'open' or not same then
      return 'refused', false
    end
    for i, other in ipairs(cart.events) do
      if other == event then
        table.remove(cart.events, i)
        break
      end
    end
    return 'ok', true
  end

  function CART.leave(cart, now_ms, event, generation, part)
    local word, changed = CART.drop(cart, now_ms, event, generation, part)
    if changed and #cart.events == 0 then
      cart.deadline_ms = 0
    end
    return word, changed
  end

  function CART.discard(cart)
    if cart.state == 'none' then
      return 'none', false
    end
    if cart.state == 'failed' then
      return 'ok', false
    end
    if cart.state ~= 'open' then
      return 'refused', false
    end
    cart.deadline_ms = 0
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
    local parts = {}
    for i, event in ipairs(cart.events) do
      parts[i] = event .. ':' .. string.format('%.0f', cart.has[event])
    end
    return {
      word, string.format('%.0f', now_ms), cart.state, string.format('%.0f', cart.generation),
      string.format('%.0f', cart.deadline_ms), string.format('%.0f', cart.payment), cart.owner, cart.currency, cart.code,
      unpack(parts),
    }
  end

  local function run(keys, args)
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
      return cart_reply(args[1] == 'discard' and 'other' or 'none', now_ms, cart_none())
    end
    local word, changed = act(found, now_ms, unpack(args, 4))
    if changed then
      cart_write(keys[1], found, now_ms, tonumber(args[2]))
    elseif redis.call('EXISTS', keys[1]) == 1 then
      mark_replicas(keys[1], 'owner', found.owner)
    end
    return cart_reply(word, now_ms, found)
  end

  redis.register_function{ function_name = 'onsale_cart', callback = run, flags = { 'allow-oom' } }
end
