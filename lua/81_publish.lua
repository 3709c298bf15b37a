-- onsale_publish: puts the description of an event or a venue where readers of the catalogue find it.
--
-- Keys      {catalogue}:events or {catalogue}:venues (hash: id -> description),
--           {catalogue}:changes (sorted set: what changed, by change)
-- Arguments id
--           description: JSON; an event's has a version; empty: it is deleted
--           of a venue also its name among the changes: v<id>
-- Promise   Changes are numbered in the order in which they can be read. A reader that has read up to n misses nothing if it
--           asks for those after n. Numbers follow the clock, so a server that lost the last changes uses none again.
--           A description of an older version than the stored one changes nothing: a newer one came first.
-- Replies   the number of the last change
do
  local function publish(keys, args)
    local before = redis.call('HGET', keys[1], args[1])
    local last = redis.call('ZREVRANGE', keys[2], 0, 0, 'WITHSCORES')
    if before and not args[3] and args[2] ~= '' and cjson.decode(args[2]).version < cjson.decode(before).version then
      mark_replicas(keys[1], args[1], before)
      return last[2]
    end
    local time = redis.call('TIME')
    local now_ms = time[1] * 1000 + (time[2] - time[2] % 1000) / 1000
    local change = string.format('%.0f', math.max((tonumber(last[2]) or 0) + 1, now_ms))
    if args[2] == '' then
      redis.call('HDEL', keys[1], args[1])
    else
      redis.call('HSET', keys[1], args[1], args[2])
    end
    redis.call('ZADD', keys[2], change, args[3] or args[1])
    return change
  end

  redis.register_function{ function_name = 'onsale_publish', callback = publish, flags = { 'allow-oom' } }
end

-- onsale_follow: reports that a reader of the catalogue has read up to a change.
--
-- Keys      {catalogue}:readers (sorted set: reader by change)
-- Arguments reader, the number of the change
-- Replies   "noted"
do
  local function follow(keys, args)
    redis.call('ZADD', keys[1], args[2], args[1])
    return 'noted'
  end

  redis.register_function{ function_name = 'onsale_follow', callback = follow, flags = { 'allow-oom' } }
end
