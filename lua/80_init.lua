-- onsale_init: makes a partition, once.
--
-- Keys      the fixed keys of the partition
-- Arguments partitions: their number
--           limits: those to publish (18_limits.lua); an empty text: none
--           secret: a random text, the secret of keyed ids (engine/ids.py) unless there is one
-- Promise   An initialised partition is never changed. The epoch of a new one is the server's time in ms, so it is
--           greater than that of any outbox that was lost: readers can tell an emptied server from the one they knew.
-- Replies   "ready <partitions> <epoch> <secret>", and in a second line the limits that were published before, if any.
--           Raises if keys of the partition exist and its meta does not
local SCHEMA = '1'

do
  local function init(keys, args)
    local known = redis.call('HMGET', keys[KEY_META], 'partitions', 'epoch', 'schema', 'limits', 'id_secret')
    if known[3] == 'restoring' then
      error("'onsale restore' is under way, or was interrupted: wait for it, or empty the server and run it again", 0)
    end
    local speaks = args[2] and args[2] ~= ''
    if known[1] then
      if known[3] ~= SCHEMA then
        error('schema ' .. tostring(known[3]) .. ' of the partition is not ' .. SCHEMA .. '; use the release that wrote it', 0)
      end
      if speaks and args[2] ~= known[4] then
        redis.call('HSET', keys[KEY_META], 'limits', args[2])
      end
      if not known[5] and args[3] then
        redis.call('HSET', keys[KEY_META], 'id_secret', args[3])
      end
      return 'ready ' .. known[1] .. ' ' .. known[2] .. ' ' .. (known[5] or args[3] or '') .. '\n' .. (known[4] or '')
    end
    if redis.call('EXISTS', unpack(keys, KEY_META + 1, FIXED_KEYS)) > 0 then
      damaged('meta is missing')
    end
    local time = redis.call('TIME')
    local epoch = string.format('%.0f', time[1] * 1000 + (time[2] - time[2] % 1000) / 1000)
    redis.call('HSET', keys[KEY_META], 'schema', SCHEMA, 'partitions', args[1], 'epoch', epoch, 'seq', '0',
      'run_id', server_run_id())
    if speaks then
      redis.call('HSET', keys[KEY_META], 'limits', args[2])
    end
    if args[3] then
      redis.call('HSET', keys[KEY_META], 'id_secret', args[3])
    end
    return 'ready ' .. args[1] .. ' ' .. epoch .. ' ' .. (args[3] or '') .. '\n'
  end

  redis.register_function{ function_name = 'onsale_init', callback = init, flags = { 'allow-oom' } }
end
