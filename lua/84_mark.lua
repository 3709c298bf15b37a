-- onsale_mark: marks, for the replicas, how far a reader of a partition's outbox can have seen.
--
-- Keys      meta of the partition
-- Promise   Nothing changes. WAIT behind it, on the same connection, confirms what was read before it.
-- Replies   "marked"; raises if the partition was never initialised
do
  local function mark(keys)
    local epoch = redis.call('HGET', keys[1], 'epoch')
    if not epoch then
      error("partition is not initialised; run 'onsale library install'", 0)
    end
    mark_replicas(keys[1], 'epoch', epoch)
    return 'marked'
  end

  redis.register_function{ function_name = 'onsale_mark', callback = mark, flags = { 'allow-oom' } }
end
