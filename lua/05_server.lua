-- The server that runs this, and its replicas.

local server_run_id, in_cluster, mark_replicas, guard_slot
do
  local known

  local clustered -- whether the server is a node of a cluster; nil before the first check

  local function ask()
    local info = redis.call('INFO', 'server')
    known = string.match(info, 'run_id:(%x+)') or 'unknown'
    clustered = string.find(info, '_mode:cluster', 1, true) ~= nil
  end

  -- Names this server process: a restart, or a replica that became the primary, has another. Asked for once.
  function server_run_id()
    if not known then
      ask()
    end
    return known
  end

  -- True if the server is a node of a cluster.
  function in_cluster()
    if clustered == nil then
      ask()
    end
    return clustered
  end

  -- Raises while the slot of the partition is moved key by key (CLUSTER SETSLOT, MIGRATE). Some keys are on each node then:
  -- to call for one that is not here raises, even after a write. Two keys that never exist are nowhere, so the call is
  -- refused on both nodes until the slot has one owner. A slot that moves in one piece (CLUSTER MIGRATESLOTS) is not refused.
  function guard_slot(prefix)
    if in_cluster() then
      redis.call('EXISTS', prefix .. 'guard', prefix .. 'guard:2')
    end
  end

  -- Writes a field of a hash as it is, for the replicas alone. WAIT on this connection then confirms that they have all that
  -- this call saw. Without it, WAIT is about the writes of this connection; a repeat has none. No disk is used.
  function mark_replicas(key, field, value)
    redis.set_repl(redis.REPL_REPLICA)
    redis.call('HSET', key, field, value)
    redis.set_repl(redis.REPL_ALL)
  end
end
