-- Lets time pass in a waiting room: all of its instants are so much longer ago.
--
-- Keys       the room
-- Arguments  how many ms pass
local key, passed_ms = KEYS[1], tonumber(ARGV[1])
local function earlier(ms)
  ms = tonumber(ms)
  return string.format('%.0f', ms > 0 and math.max(1, ms - passed_ms) or 0)
end
for _, name in ipairs({ 'updated_ms', 'slowed_ms', 'mark_ms', 'fence_ms', 'drawn_ms' }) do
  redis.call('HSET', key, name, earlier(redis.call('HGET', key, name) or 0))
end
local places = redis.call('HGETALL', key .. ':places')
for i = 1, #places, 2 do
  local index, began_ms, until_ms, used = string.match(places[i + 1], '^(%d+) (%d+) (%d+) (%d+)$')
  redis.call('HSET', key .. ':places', places[i],
    index .. ' ' .. earlier(began_ms) .. ' ' .. earlier(until_ms) .. ' ' .. used)
  if tonumber(began_ms) > 0 then
    redis.call('ZADD', key .. ':inside', earlier(until_ms), places[i])
  end
end
