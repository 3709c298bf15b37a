-- Bounds on payment attempts, so that nobody tries cards by the thousand. They are among the limits (18_limits.lua):
--   payment_attempts   attempts of a reservation that may fail; then it cannot be paid any more
--   payment_pause_ms   the first pause between two attempts of a customer at an event, 0: none. FREE attempts come without
--                      one, and each further pause is twice as long, LONGEST_MS at most. What was paid ends them.
--
-- An attempt counts when it begins, with any outcome, so several at once do not get around the limit. Those of carts do not
-- count: what is tried for them is between the customer and the gateway. Nor does what costs nothing.
--
-- Of each event, in the hash pauses:<event>, which goes KEEP_MS after the last attempt:
--   <customer>   `attempts begun_ms`: how many since something was paid, and when the last of them began
local pauses = {}
do
  local KEEP_MS, LONGEST_MS, FREE = 86400000, 3600000, 3
  local OF_A_CART = '^cart%-'

  -- Returns what this call knows of a record's customer: {key, customer, attempts, begun_ms}.
  local function known_of(u, r)
    local key = string.sub(u.prefix, 1, -6) .. 'pauses:' .. u.digits[r.event]
    u.pauses = u.pauses or setmetatable({}, TABLE_ONCE)
    local known = u.pauses[key][r.customer]
    if not known then
      local attempts, begun_ms = string.match(redis.call('HGET', key, r.customer) or '0 0', '^(%d+) (%d+)$')
      known = { attempts = tonumber(attempts or 0), begun_ms = tonumber(begun_ms or 0) }
      if known.begun_ms > u.now_ms then -- the clock went back: stored, so that the pause passes from now on
        known.begun_ms, known.changed = u.now_ms, true
      end
      u.pauses[key][r.customer] = known
    end
    return known
  end

  -- True if an attempt is bounded: of no cart, and with money in it.
  local function is_bounded(u, attempt_id, amount_minor)
    return u.limits and amount_minor > 0 and not string.find(attempt_id, OF_A_CART)
  end

  -- The attempts of a record that are no cart's.
  local function count_attempts(r)
    local count = 0
    for i = 1, #r.attempts do
      if not string.find(r.attempts[i][ATTEMPT_ID], OF_A_CART) then
        count = count + 1
      end
    end
    return count
  end

  -- The refusal of another attempt, or nil.
  --   {"too_many_attempts", limit}          that many of this reservation have failed
  --   {"rate_limited", "payments", retry_ms}
  function pauses.refusal(u, r, attempt_id, amount_minor)
    if not is_bounded(u, attempt_id, amount_minor) then
      return nil
    end
    local most, pause_ms = u.limits.payment_attempts, u.limits.payment_pause_ms
    if most > 0 and count_attempts(r) >= most then
      return reply('too_many_attempts', most)
    end
    if pause_ms > 0 then
      local known = known_of(u, r)
      local wait_ms = known.attempts < FREE and 0 or math.min(LONGEST_MS, pause_ms * 2 ^ (known.attempts - FREE))
      if known.begun_ms + wait_ms > u.now_ms then
        return reply('rate_limited', 'payments', known.begun_ms + wait_ms - u.now_ms)
      end
    end
    return nil
  end

  -- The place of the attempt that is forgotten first, where no more are kept: the oldest of a cart, or the oldest.
  function pauses.oldest(r)
    for i = 1, #r.attempts do
      if string.find(r.attempts[i][ATTEMPT_ID], OF_A_CART) then
        return i
      end
    end
    return 1
  end

  -- An attempt begins.
  function pauses.begun(u, r, attempt_id, amount_minor)
    if is_bounded(u, attempt_id, amount_minor) and u.limits.payment_pause_ms > 0 then
      local known = known_of(u, r)
      known.attempts, known.begun_ms, known.changed = math.min(known.attempts + 1, 99), u.now_ms, true
    end
  end

  -- Something was paid.
  function pauses.paid(u, r)
    if u.limits and u.limits.payment_pause_ms > 0 then
      local known = known_of(u, r)
      known.attempts, known.begun_ms, known.changed = 0, 0, true
    end
  end

  function pauses.write(u)
    for key, customers in pairs(u.pauses) do
      local stored, gone = {}, {}
      for customer, known in pairs(customers) do
        if known.changed and known.attempts > 0 then
          stored[#stored + 1] = customer
          stored[#stored + 1] = string.format('%.0f %.0f', known.attempts, known.begun_ms)
        elseif known.changed then
          gone[#gone + 1] = customer
        end
      end
      call_with('HSET', key, stored)
      call_with('HDEL', key, gone)
      if #stored > 0 then
        redis.call('PEXPIRE', key, u.digits[KEEP_MS])
      end
    end
  end
end
