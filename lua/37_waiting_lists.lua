-- Waiting lists: who waits for places of a ticket, and what is offered to whom.
--
-- A list is beside the event's stock, so one step gives places back and offers them:
--   waiting:<event>                  hash:
--     number                         the number of the next entry: entries are served in the order of their numbers
--     lines                          `ticket=waiting` of each ticket for which somebody waits
--     aside                          `pool=places` that returned and are set aside; `*`: all that are available
--     c <customer>                   places that the customer waits for
--     e <waiting_id>                 the entry (ENTRY below), packed
--   waiting:<event>:line:<ticket>    waiting_id by number, of those who wait
--   waiting:<event>:sizes:<ticket>   the same by number of places, then by number
--   waiting:<event>:ended            waiting_id by when it ended; it is forgotten `archive_ms` later
--
-- While somebody waits for places of a pool, the pool is *lined*. Places that were for sale when the line began stay so.
-- Places that return to a lined pool are set aside: the stored counters call them available, but in a call `available` of
-- a lined pool has only what is for sale, so no command can take the others. After each command `waitlists.settle` sets
-- aside what the command returned, and offers it. No other file has to tell what it gives back, or to whom it may go.
--
-- An offer is a hold whose id is that of the entry, and whose digest is OFFER_DIGEST. It counts for max_per_customer. It
-- counts for no other limit, because nobody asked for it at that moment: neither for hoarding nor for a waiting room.

do
  -- Offers, and entries that end, in one call at most: no call takes longer than a few ms. Places beyond stay set aside,
  -- and the next call goes on.
  local AT_ONCE = 50
  waitlists.AT_ONCE = AT_ONCE

  -- Entries of a line that are read at once.
  local READ_AT_ONCE = 20

  -- A score of `sizes` is places times this, plus the number.
  local SIZE = 1e12

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

  -- True if nobody waits for the event any more: it has no list, or that has ended, or nothing of it is sold again.
  local function is_over(u, terms)
    return not terms or not terms.waiting or terms.status == 'closed' or terms.status == 'cancelled'
      or terms.waiting[2] > 0 and u.now_ms >= terms.waiting[2] or terms.closes_ms > 0 and u.now_ms >= terms.closes_ms
  end
  waitlists.is_over = is_over

  -- The pools in which places that return are set aside, as the lines are now.
  local function lined_pools(u, list, terms)
    local names = {}
    if list.waiting > 0 and not is_over(u, terms) then
      for ticket_id, count in pairs(list.counts) do
        local ticket = count > 0 and terms.tickets[ticket_id]
        for _, name in ipairs(ticket and ticket.pools or {}) do
          names[name] = true
        end
      end
    end
    return names
  end

  -- Makes pools lined, or no longer so, as the lines are now. `aside`: pool -> places set aside; nil: none is known.
  local function line_pools(u, list, aside)
    local names = lined_pools(u, list, unit_terms(u, list.event))
    for name, lined in pairs(list.lined) do
      if not names[name] then
        local pool = lined.pool
        pool.available, pool.aside = pool.available + pool.aside, nil
        list.lined[name] = nil
      end
    end
    for name in pairs(names) do
      if not list.lined[name] then
        local pool = unit_pool(u, list.event, name) or damaged('no pool ' .. event_field(u, list.event, name))
        pool.aside = math.min(pool.available, aside and (aside[name] or aside.all) or 0)
        pool.available = pool.available - pool.aside
        list.lined[name] = { pool = pool, base = pool.available }
      end
    end
  end

  -- Prepares the list of an event whose terms are read, before anything of it is given back or taken.
  function waitlists.open(u, event)
    local list = at(u, event)
    if list.waiting > 0 then
      local aside = numbers_of(list.aside_text)
      aside.all = list.aside_text == '*' and math.huge or nil -- after a restore
      line_pools(u, list, aside)
      list.unserved = true
    end
  end

  -- The terms of an event have changed, or it has got some.
  function waitlists.terms_changed(u, event)
    local list = u.lists and u.lists[event]
    if list then
      line_pools(u, list)
      list.unserved = true
    end
  end

  -- Makes `available` of a pool all that is available, for a command that changes capacities. It is settled afterwards.
  function waitlists.release(u, event)
    for _, lined in pairs(u.lists and u.lists[event] and u.lists[event].lined or {}) do
      local pool = lined.pool
      lined.before, pool.available, pool.aside = pool.aside, pool.available + pool.aside, 0
    end
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

  -- Marks an entry as changed just now, and adds a fact about it.
  local function change(u, list, entry, word)
    entry.changed_ms = math.max(u.now_ms, entry.changed_ms + 1)
    list.changed[entry.id] = true
    table.insert(u.waiting_facts, ARRAY_HEADS[3] .. u.packed[word] .. u.packed[u.now_ms] .. pack(entry))
  end

  -- An entry that waits does so no more.
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

  -- An entry comes to its end: taken, declined or ended.
  local function finish(u, list, entry, state)
    if entry.state == 'waiting' then
      leave(list, entry)
    end
    redis.call('ZCARD', list.key .. ':ended')
    entry.state, list.ended[entry.id] = state, u.now_ms
    change(u, list, entry, state)
  end

  -- Gives somebody the next place in a ticket's line. Returns the entry.
  function waitlists.join(u, event, values)
    local list = at(u, event)
    local entry = values
    touch(list, entry.ticket)
    entry.event, entry.state, entry.number, entry.until_ms = event, 'waiting', list.number, 0
    entry.created_ms, entry.changed_ms, entry.is_new = u.now_ms, 0, true
    list.number = list.number + 1
    list.customers[entry.customer] = places_of_customer(list, entry.customer) + entry.quantity
    list.changed_customers[entry.customer] = true
    list.counts[entry.ticket], list.waiting = (list.counts[entry.ticket] or 0) + 1, list.waiting + 1
    list.entries[entry.id] = entry
    table.insert(list.joined[entry.ticket], entry)
    change(u, list, entry, 'waiting')
    line_pools(u, list)
    list.unserved = true -- what is set aside for somebody before it may be enough for it
    return entry
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

  -- The entry of that id at this instant, or false. One that waits for nothing any more has ended.
  function waitlists.entry(u, event, id)
    local terms, list = unit_terms(u, event), at(u, event)
    local entry = entry_of(list, id)
    if entry and entry.state == 'waiting' and is_over(u, terms) then
      finish(u, list, entry, 'ended')
    end
    return entry
  end

  -- An entry's place in line is given up.
  function waitlists.decline(u, entry)
    finish(u, at(u, entry.event), entry, 'declined')
    line_pools(u, at(u, entry.event))
    at(u, entry.event).unserved = true
  end

  -- The hold of an offer has ended: `state` is that of its entry from here on.
  function waitlists.offer_ended(u, r, state)
    local list = at(u, r.event)
    local entry = entry_of(list, r.rid)
    if entry and entry.state ~= state and (entry.state == 'offered' or state == 'taken') then
      finish(u, list, entry, state)
    end
  end

  -- Replaces what the API keeps about the customer of an entry; tells whether that was another.
  function waitlists.erase(u, entry, details, contact)
    if entry.details == details and entry.contact == contact then
      return false
    end
    entry.details, entry.contact = details, contact
    change(u, at(u, entry.event), entry, 'erased')
    return true
  end

  -- True if somebody waits for a ticket of the event; for any of them, where that is 0.
  function waitlists.has_waiting(u, event, ticket_id)
    local list = at(u, event)
    return (ticket_id == 0 and list.waiting or list.counts[ticket_id] or 0) > 0
  end

  -- The result of a command on an entry.
  function waitlists.reply(u, word, entry, replayed)
    return ARRAY_HEADS[5] .. u.packed[word] .. u.packed[u.now_ms] .. u.packed[replayed] .. pack(entry)
      .. cmsgpack.pack(waitlists.position(u, entry))
  end

  -- Functions and words for the other files about waiting lists.
  waitlists.at, waitlists.key_of, waitlists.line_pools, waitlists.first_of = at, key_of, line_pools, first_of
  waitlists.change, waitlists.leave, waitlists.finish = change, leave, finish
  waitlists.ENTRY, waitlists.SIZE, waitlists.pack = ENTRY, SIZE, pack
  waitlists.numbers_of, waitlists.text_of = numbers_of, text_of
end
