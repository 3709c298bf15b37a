-- Reads a small database whole, at one instant.
--
-- Arguments  the key of a stream and the id after which its entries are wanted, for each stream; other streams whole
-- Replies    {now_ms, {key, type, content, expires_ms}...}; expires_ms is -1 for a key without a TTL
local after = {}
for i = 1, #ARGV, 2 do
  after[ARGV[i]] = ARGV[i + 1]
end
local READ = {
  string = function(key) return redis.call('GET', key) end,
  hash = function(key) return redis.call('HGETALL', key) end,
  list = function(key) return redis.call('LRANGE', key, 0, -1) end,
  zset = function(key) return redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') end,
  stream = function(key) return redis.call('XRANGE', key, '(' .. (after[key] or '0-0'), '+') end,
}
local time = redis.call('TIME')
local reply = { string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) }
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  reply[#reply + 1] = { key, kind, READ[kind](key), redis.call('PEXPIRETIME', key) }
end
return reply
