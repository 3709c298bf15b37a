-- Lets time pass: whatever has a deadline comes nearer to it.
--
-- Keys       carts, then for each partition its ledger and deadlines
-- Arguments  how many ms pass, how many carts there are
local passed_ms, carts = tonumber(ARGV[1]), tonumber(ARGV[2])
for _, key in ipairs(redis.call('KEYS', '*')) do
  local expires_ms = redis.call('PEXPIRETIME', key)
  if expires_ms > 0 then
    redis.call('PEXPIREAT', key, string.format('%.0f', expires_ms - passed_ms))
  end
end
for i = 1, carts do
  local deadline_ms = tonumber(redis.call('HGET', KEYS[i], 'deadline_ms') or 0)
  if deadline_ms > 0 then
    redis.call('HSET', KEYS[i], 'deadline_ms', string.format('%.0f', deadline_ms - passed_ms))
  end
end
for i = carts + 1, #KEYS, 2 do
  local ledger = redis.call('HGETALL', KEYS[i])
  for j = 1, #ledger, 2 do
    local record = cmsgpack.unpack(ledger[j + 1])
    record[6] = record[6] - passed_ms
    redis.call('HSET', KEYS[i], ledger[j], cmsgpack.pack(record))
  end
  for _, rid in ipairs(redis.call('ZRANGE', KEYS[i + 1], 0, -1)) do
    redis.call('ZINCRBY', KEYS[i + 1], string.format('%.0f', -passed_ms), rid)
  end
end
