-- onsale_init: makes a partition, once.
--
-- Keys      the fixed keys of the partition
-- Arguments the number of partitions
-- Promise   An initialised partition is never changed. The epoch of a new one is the server's time in ms, so it is
--           greater than that of any outbox that was lost: readers can tell an emptied server from the one they knew.
-- Replies   "ready <partitions> <epoch>"; raises if keys of the partition are there and its meta is not
local SCHEMA = '1'

local function init(keys, args)
  local known = redis.call('HMGET', keys[KEY_META], 'partitions', 'epoch', 'schema')
  if known[3] == 'restoring' then
    error("'onsale restore' is under way, or was interrupted: wait for it, or empty the server and run it again", 0)
  end
  if known[1] then
    if known[3] ~= SCHEMA then
      error('schema ' .. tostring(known[3]) .. ' of the partition is not ' .. SCHEMA .. '; use the release that wrote it', 0)
    end
    return 'ready ' .. known[1] .. ' ' .. known[2]
  end
  if redis.call('EXISTS', unpack(keys, KEY_META + 1, FIXED_KEYS)) > 0 then
    damaged('meta is missing')
  end
  local time = redis.call('TIME')
  local epoch = string.format('%.0f', time[1] * 1000 + (time[2] - time[2] % 1000) / 1000)
  redis.call('HSET', keys[KEY_META], 'schema', SCHEMA, 'partitions', args[1], 'epoch', epoch, 'seq', '0')
  return 'ready ' .. args[1] .. ' ' .. epoch
end
