-- Calls of Redis with many arguments.

-- Lua's stack has room for some 8,000 arguments. Even, because they may be pairs.
local ARGUMENTS_AT_ONCE = 4000

local call_with, read_many, count_keys
do
  -- Calls a command of Redis with these arguments, if there are any; `option` comes before them.
  function call_with(command, key, arguments, option)
    for first = 1, #arguments, ARGUMENTS_AT_ONCE do
      local last = math.min(first + ARGUMENTS_AT_ONCE - 1, #arguments)
      if option then
        redis.call(command, key, option, unpack(arguments, first, last))
      else
        redis.call(command, key, unpack(arguments, first, last))
      end
    end
  end

  -- The answers of a command of Redis that has one for each of its arguments. `key` comes before them; nil: there is none.
  function read_many(command, key, arguments)
    local n = #arguments
    if n <= ARGUMENTS_AT_ONCE then
      if key then
        return redis.call(command, key, unpack(arguments))
      end
      return redis.call(command, unpack(arguments))
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

  -- The number of these keys that exist.
  function count_keys(keys)
    local there = 0
    for first = 1, #keys, ARGUMENTS_AT_ONCE do
      there = there + redis.call('EXISTS', unpack(keys, first, math.min(first + ARGUMENTS_AT_ONCE - 1, #keys)))
    end
    return there
  end
end
