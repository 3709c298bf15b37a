-- onsale_publish: puts an event's description where readers of the catalogue find it.
--
-- Keys      {catalogue}:events (hash: event_id -> description), {catalogue}:changes (sorted set: event_id by change)
-- Arguments event_id, description (JSON with a version)
-- Promise   Changes are numbered without gaps in the order in which they can be read: who has read up to n misses
--           nothing by asking for what came after n.
--           A description of an older version than the one that is there changes nothing: it was overtaken on its way.
-- Replies   the number of the last change
local function publish(keys, args)
  local before = redis.call('HGET', keys[1], args[1])
  local last = redis.call('ZREVRANGE', keys[2], 0, 0, 'WITHSCORES')
  if before and cjson.decode(args[2]).version < cjson.decode(before).version then
    return last[2]
  end
  -- The first by the clock: who knew a server that was emptied since has seen no number as great.
  local change = string.format('%.0f', (tonumber(last[2]) or redis.call('TIME')[1] * 1000) + 1)
  redis.call('HSET', keys[1], args[1], args[2])
  redis.call('ZADD', keys[2], change, args[1])
  return change
end
