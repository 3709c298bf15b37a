-- Waiting lists as they are written, after a call and by a restore.

do
  local ENTRY, SIZE, pack, key_of = waitlists.ENTRY, waitlists.SIZE, waitlists.pack, waitlists.key_of
  local numbers_of, text_of = waitlists.numbers_of, waitlists.text_of

  local function write_line(list, touched, joined)
    local ids, to_line, to_sizes = {}, {}, {}
    for i, entry in ipairs(touched.left) do
      ids[i] = entry.id
    end
    for _, entry in ipairs(joined) do
      if entry.state == 'waiting' then
        local n = #to_line
        to_line[n + 1], to_line[n + 2] = string.format('%.0f', entry.number), entry.id
        to_sizes[n + 1], to_sizes[n + 2] = string.format('%.0f', entry.quantity * SIZE + entry.number), entry.id
      end
    end
    call_with('ZREM', touched.line_key, ids)
    call_with('ZREM', touched.sizes_key, ids)
    call_with('ZADD', touched.line_key, to_line)
    call_with('ZADD', touched.sizes_key, to_sizes)
  end

  local function write_list(u, list)
    local fields, gone, to_ended, from_ended = {}, {}, {}, {}
    local function put(name, value)
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
    for id in pairs(list.changed) do
      if list.entries[id] then -- it may be forgotten in the same call
        put('e ' .. id, pack(list.entries[id]))
      end
    end
    for customer in pairs(list.changed_customers) do
      if list.customers[customer] > 0 then
        put('c ' .. customer, u.digits[list.customers[customer]])
      else
        gone[#gone + 1] = 'c ' .. customer
      end
    end
    for id, ended_ms in pairs(list.ended) do
      if ended_ms then
        to_ended[#to_ended + 1] = u.digits[ended_ms]
        to_ended[#to_ended + 1] = id
      else
        from_ended[#from_ended + 1] = id
        if not list.entries[id] then -- it may have come again in the same call
          gone[#gone + 1] = 'e ' .. id
        end
      end
    end
    local touched = next(list.touched) ~= nil
    for ticket_id, each in pairs(list.touched) do
      write_line(list, each, list.joined[ticket_id])
    end
    if touched then
      put('number', u.digits[list.number])
      put('lines', text_of(list.counts))
    end
    local aside = {}
    for name, lined in pairs(list.lined) do
      aside[name] = lined.pool.aside
    end
    local aside_text = text_of(aside)
    if aside_text ~= list.aside_text then
      put('aside', aside_text)
    end
    call_with('HSET', list.key, fields)
    call_with('HDEL', list.key, gone)
    call_with('ZADD', list.key .. ':ended', to_ended)
    call_with('ZREM', list.key .. ':ended', from_ended)
  end

  -- Writes what changed of lists. Their keys were read, with their types, before.
  function waitlists.write(u)
    for _, list in pairs(u.lists) do
      write_list(u, list)
    end
  end

  -- Writes an entry that was lost, and when it ended. Of one that neither lives nor ended at an instant above 0, only the
  -- number counts. All that returned meanwhile is the lines' own. `prefix`: of the partition's keys.
  function waitlists.restore(prefix, values, ended_ms)
    local key, entry = string.format('%swaiting:%.0f', prefix, values[2]), {}
    for i, name in ipairs(ENTRY) do
      entry[name] = values[i]
    end
    local number = tonumber(redis.call('HGET', key, 'number') or 0)
    redis.call('HSET', key, 'number', string.format('%.0f', math.max(number, entry.number + 1)))
    if entry.state == 'waiting' or entry.state == 'offered' or ended_ms > 0 then
      redis.call('HSET', key, 'e ' .. entry.id, pack(entry))
    end
    if ended_ms > 0 then
      redis.call('ZADD', key .. ':ended', string.format('%.0f', ended_ms), entry.id)
    end
    if entry.state == 'waiting' then
      local ticket = string.format('%.0f', entry.ticket)
      local lines = numbers_of(redis.call('HGET', key, 'lines') or '')
      lines[ticket] = (lines[ticket] or 0) + 1
      redis.call('HSET', key, 'lines', text_of(lines), 'aside', '*')
      local places = tonumber(redis.call('HGET', key, 'c ' .. entry.customer) or 0) + entry.quantity
      redis.call('HSET', key, 'c ' .. entry.customer, string.format('%.0f', places))
      redis.call('ZADD', key .. ':line:' .. ticket, string.format('%.0f', entry.number), entry.id)
      redis.call('ZADD', key .. ':sizes:' .. ticket, string.format('%.0f', entry.quantity * SIZE + entry.number), entry.id)
    end
  end

  -- Removes what there is of the list of an event that is gone; nobody waits for it.
  function waitlists.forget(u, event)
    local key = key_of(u, event)
    redis.call('DEL', key, key .. ':ended')
  end
end
