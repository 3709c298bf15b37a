-- onsale_answer: claims the name that an Idempotency-Key gives a request, keeps its answer, or gives it up. Of a caller
-- whose live keys are counted; the others use 85_claim.lua.
--
-- Keys      answer:{<caller>}:<name> (string: a claim or an answer, packed by engine/idempotency.py),
--           answer:{<caller>} (sorted set: name -> when it expires, ms)
-- Arguments word, name, then
--           claim claim claim_ms most     `most` live names; 0: any number
--           keep answer keep_ms
--           release
-- Promise   A caller never has more than `most` names that live. A name that is there is answered, and not counted again.
-- Replies   {"done"}, {"known", claim or answer}, {"full", ms until one of them expires}
do
  local function note(names, name, now_ms, live_ms)
    redis.call('ZADD', names, string.format('%.0f', now_ms + live_ms), name)
    local last = redis.call('ZREVRANGE', names, 0, 0, 'WITHSCORES')[2]
    redis.call('PEXPIREAT', names, last)
  end

  local ANSWER = {}

  function ANSWER.claim(keys, now_ms, name, claim, claim_ms, most)
    local before = redis.call('GET', keys[1])
    if before then
      return { 'known', before }
    end
    redis.call('ZREMRANGEBYSCORE', keys[2], '-inf', string.format('%.0f', now_ms))
    if tonumber(most) > 0 and redis.call('ZCARD', keys[2]) >= tonumber(most) then
      local first = tonumber(redis.call('ZRANGE', keys[2], 0, 0, 'WITHSCORES')[2])
      return { 'full', string.format('%.0f', math.max(1, first - now_ms)) }
    end
    redis.call('SET', keys[1], claim, 'PX', claim_ms)
    note(keys[2], name, now_ms, tonumber(claim_ms))
    return { 'done' }
  end

  function ANSWER.keep(keys, now_ms, name, answer, keep_ms)
    redis.call('SET', keys[1], answer, 'PX', keep_ms)
    note(keys[2], name, now_ms, tonumber(keep_ms))
    return { 'done' }
  end

  function ANSWER.release(keys, _, name)
    redis.call('DEL', keys[1])
    redis.call('ZREM', keys[2], name)
    return { 'done' }
  end

  local function answer(keys, args)
    local act = ANSWER[args[1]]
    if not act then
      error('unknown word ' .. tostring(args[1]), 0)
    end
    local time = redis.call('TIME')
    return act(keys, time[1] * 1000 + (time[2] - time[2] % 1000) / 1000, unpack(args, 2))
  end

  redis.register_function{ function_name = 'onsale_answer', callback = answer, flags = { 'allow-oom' } }
end
