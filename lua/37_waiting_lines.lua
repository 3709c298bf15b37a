-- Waiting lists: the lines of tickets. Who is in a line, at which position, and who is first.

do
  local at, entry_of = waitlists.at, waitlists.entry_of

  -- Entries of a line that are read at once.
  local READ_AT_ONCE = 20

  -- A score of `sizes` is places times this, plus the number.
  local SIZE = 1e12

  -- Reads the keys of a ticket's line before they are changed, and checks that they are as long as the list says.
  local function touch(list, ticket_id)
    if list.touched[ticket_id] then
      return
    end
    local name, count = string.format('%.0f', ticket_id), list.counts[ticket_id] or 0
    local touched = { line_key = list.key .. ':line:' .. name, sizes_key = list.key .. ':sizes:' .. name, left = {} }
    if redis.call('ZCARD', touched.line_key) ~= count or redis.call('ZCARD', touched.sizes_key) ~= count then
      damaged('waiting list ' .. list.key)
    end
    redis.call('ZCARD', list.key .. ':ended')
    list.touched[ticket_id], list.joined[ticket_id] = touched, {}
  end

  local function places_of_customer(list, customer)
    if not list.customers[customer] then
      list.customers[customer] = tonumber(redis.call('HGET', list.key, 'c ' .. customer) or 0)
    end
    return list.customers[customer]
  end

  -- The places that a customer waits for.
  function waitlists.places_of(u, event, customer)
    return places_of_customer(at(u, event), customer)
  end

  -- An entry stops waiting.
  local function leave(list, entry)
    local places = places_of_customer(list, entry.customer) - entry.quantity
    touch(list, entry.ticket)
    if places < 0 then
      damaged('waiting list ' .. list.key)
    end
    list.customers[entry.customer], list.changed_customers[entry.customer] = places, true
    list.counts[entry.ticket], list.waiting = list.counts[entry.ticket] - 1, list.waiting - 1
    if not entry.is_new then
      table.insert(list.touched[entry.ticket].left, entry)
    end
  end

  -- The place of an entry in its line, from 1; 0 of one that does not wait.
  function waitlists.position(u, entry)
    if entry.state ~= 'waiting' then
      return 0
    end
    local list = at(u, entry.event)
    local name = string.format('%.0f', entry.ticket)
    local touched, ahead = list.touched[entry.ticket], nil
    if entry.is_new then
      ahead = redis.call('ZCARD', list.key .. ':line:' .. name)
    else
      ahead = redis.call('ZRANK', list.key .. ':line:' .. name, entry.id) or damaged('waiting list ' .. list.key)
    end
    for _, other in ipairs(touched and touched.left or {}) do
      ahead = ahead - (other.number < entry.number and 1 or 0)
    end
    for _, other in ipairs(list.joined[entry.ticket] or {}) do
      ahead = ahead + (other.state == 'waiting' and other.number < entry.number and 1 or 0)
    end
    return ahead + 1
  end

  -- The first who waits for a ticket; of those who wait for that many places, where `quantity` is not nil.
  local function first_of(list, ticket_id, quantity)
    local name = string.format('%.0f', ticket_id)
    local of = quantity and name .. ' ' .. quantity or name
    local read = list.stored[of] or { at = 0, offset = 0, ids = {} }
    list.stored[of] = read
    while not read.all do
      local id = read.ids[read.at + 1]
      local entry = id and entry_of(list, id, read.raw[read.at + 1])
      if entry and entry.state == 'waiting' then
        return entry
      elseif id and not entry then
        damaged('waiting list ' .. list.key)
      elseif id then
        read.at = read.at + 1
      elseif #read.ids > 0 and #read.ids < READ_AT_ONCE then
        read.all = true
      else
        if quantity then
          read.ids = redis.call('ZRANGEBYSCORE', list.key .. ':sizes:' .. name, string.format('%.0f', quantity * SIZE),
            string.format('(%.0f', (quantity + 1) * SIZE), 'LIMIT', read.offset, READ_AT_ONCE)
        else
          read.ids = redis.call('ZRANGE', list.key .. ':line:' .. name, read.offset, read.offset + READ_AT_ONCE - 1)
        end
        local fields = {}
        for i, waiting_id in ipairs(read.ids) do
          fields[i] = 'e ' .. waiting_id
        end
        read.raw = #fields > 0 and redis.call('HMGET', list.key, unpack(fields)) or {}
        read.at, read.offset, read.all = 0, read.offset + #read.ids, #read.ids == 0
      end
    end
    for _, entry in ipairs(list.joined[ticket_id] or {}) do
      if entry.state == 'waiting' and (not quantity or entry.quantity == quantity) then
        return entry
      end
    end
    return nil
  end

  -- True if somebody waits for a ticket of the event; for any of them, where that is 0.
  function waitlists.has_waiting(u, event, ticket_id)
    local list = at(u, event)
    return (ticket_id == 0 and list.waiting or list.counts[ticket_id] or 0) > 0
  end

  -- The most places that an entry which joined before this call waits for; 0 if there is none.
  local function most_of(list, ticket_id)
    local name = string.format('%.0f', ticket_id)
    local most = list.most[name]
    if not most then
      local last = redis.call('ZREVRANGE', list.key .. ':sizes:' .. name, 0, 0, 'WITHSCORES')
      most = last[2] and math.floor(tonumber(last[2]) / SIZE) or 0
      list.most[name] = most
    end
    return most
  end

  waitlists.touch, waitlists.places_of_customer, waitlists.leave = touch, places_of_customer, leave
  waitlists.first_of, waitlists.most_of, waitlists.SIZE = first_of, most_of, SIZE
end
