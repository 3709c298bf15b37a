-- Waiting lists: the entries of a list as they are stored, and the list of an event as a call reads it.

do
  -- Offers, and entries that end, in one call at most: no call takes longer than a few ms. Places beyond stay set aside,
  -- and the next call goes on.
  local AT_ONCE = 50
  waitlists.AT_ONCE = AT_ONCE

  local ENTRY = {
    'id', 'event', 'ticket', 'quantity', 'customer', 'details', 'contact', 'digest', 'created_ms', 'changed_ms', 'state',
    'number', 'until_ms',
  }

  local function decode(key, raw)
    local a = cmsgpack.unpack(raw)
    if type(a) ~= 'table' or #a ~= #ENTRY then
      damaged('waiting list ' .. key)
    end
    local entry = {}
    for i, name in ipairs(ENTRY) do
      entry[name] = a[i]
    end
    return entry
  end

  local function pack(entry)
    local a = {}
    for i, name in ipairs(ENTRY) do
      a[i] = entry[name]
    end
    return cmsgpack.pack(a)
  end

  -- The numbers of a text `name=number name=number`.
  local function numbers_of(text)
    local numbers = {}
    for name, number in string.gmatch(text or '', '([^ =]+)=(%d+)') do
      numbers[name] = tonumber(number)
    end
    return numbers
  end

  local function text_of(numbers)
    local parts = {}
    for name, number in pairs(numbers) do
      if number > 0 then
        parts[#parts + 1] = string.format('%s=%.0f', name, number)
      end
    end
    table.sort(parts)
    return table.concat(parts, ' ')
  end

  local function key_of(u, event)
    return string.sub(u.keys[KEY_LEDGER], 1, -7) .. 'waiting:' .. u.digits[event]
  end

  -- The list of an event, read once in a call.
  local function at(u, event)
    u.lists, u.offers_left = u.lists or {}, u.offers_left or AT_ONCE
    local list = u.lists[event]
    if not list then
      local key = key_of(u, event)
      local stored = redis.call('HMGET', key, 'number', 'lines', 'aside')
      list = {
        event = event, key = key, number = tonumber(stored[1] or 0), counts = {}, waiting = 0,
        aside_text = stored[2] and stored[3] or '', -- what is stored
        lined = {}, -- pool -> {pool, base: what was for sale after the last command, aside}
        entries = {}, customers = {}, -- waiting_id -> entry, or false; customer -> places
        changed = {}, changed_customers = {}, -- sets of both
        stored = {}, -- what was read of lines, see first_of
        most = {}, -- ticket -> what most_of found
        joined = {}, -- ticket -> entries of this call
        left = {}, -- ticket -> {number...} of entries that left the stored line in this call
        touched = {}, -- tickets whose line changes
        ended = {}, -- waiting_id -> when it ended, or false: it is forgotten
      }
      for ticket, count in pairs(numbers_of(stored[2])) do
        list.counts[tonumber(ticket)] = count
        list.waiting = list.waiting + count
      end
      u.lists[event] = list
    end
    return list
  end

  -- The entry of that id, or false.
  local function entry_of(list, id, raw)
    local entry = list.entries[id]
    if entry == nil then
      raw = raw or redis.call('HGET', list.key, 'e ' .. id)
      entry = raw and decode(list.key, raw)
      list.entries[id] = entry
    end
    return entry
  end

  -- Marks an entry as changed just now, and adds a fact about it.
  local function change(u, list, entry, word)
    entry.changed_ms = math.max(u.now_ms, entry.changed_ms + 1)
    list.changed[entry.id] = true
    table.insert(u.waiting_facts, ARRAY_HEADS[3] .. u.packed[word] .. u.packed[u.now_ms] .. pack(entry))
  end

  waitlists.at, waitlists.key_of, waitlists.entry_of, waitlists.change = at, key_of, entry_of, change
  waitlists.ENTRY, waitlists.pack = ENTRY, pack
  waitlists.numbers_of, waitlists.text_of = numbers_of, text_of
end
