-- Moves the deadlines of holds to one instant.
--
-- Keys       ledger, deadlines, then the hold key of each
-- Arguments  the deadline in ms, then the reservation id of each
local deadline = ARGV[1]
local records, scores = {}, {}
for i, packed in ipairs(redis.call('HMGET', KEYS[1], unpack(ARGV, 2))) do
  local record, rid = cmsgpack.unpack(packed), ARGV[i + 1]
  record[6] = tonumber(deadline)
  records[2 * i - 1], records[2 * i] = rid, cmsgpack.pack(record)
  scores[2 * i - 1], scores[2 * i] = deadline, rid
  redis.call('PEXPIREAT', KEYS[i + 2], deadline)
end
redis.call('HSET', KEYS[1], unpack(records))
redis.call('ZADD', KEYS[2], unpack(scores))
