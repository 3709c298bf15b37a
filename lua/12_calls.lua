-- Calls of Redis with many arguments.

-- Lua's stack has room for some 8,000 arguments. Even, because they may be pairs.
local ARGUMENTS_AT_ONCE = 4000

local call_with, read_many, count_keys
do
  -- Calls a command of Redis with these arguments, if there are any; `option` comes before them. `n`: how many they are, where
  -- the array has more behind them.
  function call_with(command, key, arguments, option, n)
    n = n or #arguments
    for first = 1, n, ARGUMENTS_AT_ONCE do
      local last = math.min(first + ARGUMENTS_AT_ONCE - 1, n)
      if option then
        redis.call(command, key, option, unpack(arguments, first, last))
      else
        redis.call(command, key, unpack(arguments, first, last))
      end
    end
  end

  -- The answers of a command of Redis that has one for each of its arguments. `key` comes before them; nil: there is none. `n`: how
  -- many they are, where the array has more behind them.
  function read_many(command, key, arguments, n)
    n = n or #arguments
    if n <= ARGUMENTS_AT_ONCE then
      if key then
        return redis.call(command, key, unpack(arguments, 1, n))
      end
      return redis.call(command, unpack(arguments, 1, n))
    end
    local answers = {}
    for first = 1, n, ARGUMENTS_AT_ONCE do
      local last = math.min(first + ARGUMENTS_AT_ONCE - 1, n)
      local part = key and redis.call(command, key, unpack(arguments, first, last))
        or redis.call(command, unpack(arguments, first, last))
      for i = 1, last - first + 1 do
        answers[first + i - 1] = part[i]
      end
    end
    return answers
  end

  -- The number of these keys that exist; of `n` that follow the one at `before`, where the array has others, too.
  function count_keys(keys, before, n)
    local there, last = 0, before and before + n or #keys
    for first = before and before + 1 or 1, last, ARGUMENTS_AT_ONCE do
      there = there + redis.call('EXISTS', unpack(keys, first, math.min(first + ARGUMENTS_AT_ONCE - 1, last)))
    end
    return there
  end
end
