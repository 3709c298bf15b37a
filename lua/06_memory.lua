-- The memory of the server: whether it is too full to take anything more, and how Lua's own is collected.
--
-- At maxmemory a server refuses all that may need memory, unless a function is flagged `allow-oom`. Those here are, because
-- giving back, paying and reading must go on: nothing else makes room. So the library itself refuses commands that take
-- something (the row `takes` of a command), and new carts. It does so below maxmemory, because commands that settle need
-- memory, too.

local memory_is_full
do
  local ASK_MS = 1000

  -- Growth of memory by a call, at most, in times of the bytes that it brings: records, keys, customers and facts.
  local GROWTH = 16

  local asked_ms, used, most, grown = 0, 0, 0, 0

  -- As the server counts before it refuses: without the buffers of replicas and of the file.
  local function ask(now_ms)
    local told = redis.call('INFO', 'memory')
    local function number(name)
      return tonumber(string.match(told, name .. ':(%d+)')) or 0
    end
    asked_ms, grown = now_ms, 0
    used, most = number('\nused_memory') - number('\nmem_not_counted_for_evict'), number('\nmaxmemory')
  end

  -- True if more than `percent` of maxmemory is used. `bytes`: what the call brings.
  -- The figures are at most a second old, or as old as it takes to grow up to the limit.
  function memory_is_full(now_ms, percent, bytes)
    grown = grown + GROWTH * bytes
    local limit = most * percent / 100
    local may_be_full = most > 0 and used < limit and used + grown >= limit
    if may_be_full or now_ms - asked_ms >= ASK_MS or now_ms < asked_ms then
      ask(now_ms)
      limit = most * percent / 100
    end
    return most > 0 and used >= limit
  end
end

-- The work of Lua's collector, in percent of what is allocated meanwhile. Servers let it begin after every fifty functions. At
-- 200, which is Lua's own value, it ends within four calls, which take up to five times as long as others.
local COLLECTED_PERCENT = 50

-- Sets that for all functions of this server, until it ends.
local function collect_in_small_steps()
  collectgarbage('setstepmul', COLLECTED_PERCENT)
end
