-- Bookings: places of a slot that are taken without payment.

local bookings = {}
do
  -- A booking, from the msgpack array of its record.
  function bookings.decode(field, a)
    if type(a) ~= 'table' or #a ~= 12 then
      damaged('booking ' .. field)
    end
    return {
      field = field, booking_id = a[1], event = a[2], slot = a[3], start_ms = a[4], details = a[5], digest = a[6],
      created_ms = a[7], changed_ms = a[8], expires_ms = a[9], state = a[10], customer = a[11], phone = a[12],
    }
  end

  function bookings.pack(b)
    return cmsgpack.pack({
      b.booking_id, b.event, b.slot, b.start_ms, b.details, b.digest, b.created_ms, b.changed_ms, b.expires_ms, b.state,
      b.customer, b.phone,
    })
  end

  -- Loads the bookings that commands name: {command, key of what it leaves when it is deleted}...
  function bookings.load(u, named)
    local keys, wanted, left = u.keys, {}, {}
    for i = 1, #named do
      local field = event_field(u, named[i][1][2], named[i][1][3])
      if u.bookings[field] == nil then
        u.bookings[field] = false
        wanted[#wanted + 1], left[#left + 1] = field, named[i][2]
      end
    end
    if redis.call('HLEN', keys[KEY_BOOKINGS]) > redis.call('ZCARD', keys[KEY_PURGES]) then
      damaged('bookings without an end')
    end
    local stored = read_many('HMGET', keys[KEY_BOOKINGS], wanted)
    local ends = read_many('ZMSCORE', keys[KEY_PURGES], wanted)
    local there, marks = count_keys(left), read_many('MGET', nil, left)
    for i, field in ipairs(wanted) do
      local b
      if stored[i] then
        b = bookings.decode(field, cmsgpack.unpack(stored[i]))
      elseif marks[i] then
        local request_id, a = cmsgpack.unpack(marks[i])
        b = bookings.decode(field, a)
        b.request_id = request_id
        b = u.now_ms < b.expires_ms and b -- in that millisecond the server may have removed it already
      end
      if tonumber(ends[i] or nil) ~= (stored[i] and b.expires_ms or nil) then
        damaged('end of booking ' .. field)
      end
      there = marks[i] and there - 1 or there
      u.bookings[field] = b or false
    end
    if there > 0 then -- MGET answers nil for a key of another type, which must not be written over
      damaged('a deleted booking is not a string')
    end
  end

  -- The booking that a command names, as it is in the state that can be changed; or nil and the refusal.
  function bookings.live(u, command)
    local b = u.bookings[event_field(u, command[2], command[3])]
    if not b or b.state ~= 'booked' then
      return nil, reply('not_found')
    end
    if u.now_ms >= b.expires_ms then
      return nil, reply('booking_expired')
    end
    return b
  end

  -- The names under which bookings are counted: a customer, and a phone number. Only the latter's name has a space.
  local function counted_for(customer, phone)
    local names = {}
    if customer ~= '' then
      names[1] = customer
    end
    if phone ~= '' then
      names[#names + 1] = 'tel ' .. phone
    end
    return names
  end

  -- Counts a booking for its customer and its phone number, or stops counting it where `places` is -1.
  function bookings.count(u, event, customer, phone, places)
    for _, name in ipairs(counted_for(customer, phone)) do
      unit_add_customer_places(u, event, name, places)
    end
  end

  -- A booking ends: its place is free, and it no longer counts.
  function bookings.release(u, b)
    slots.free(u, b)
    bookings.count(u, b.event, b.customer, b.phone, -1)
    local terms = unit_terms(u, b.event)
    if terms and terms.room then
      rooms.gave_back(u, b.event, b.customer, b.created_ms, 1)
    end
  end

  -- Removes a booking that expired.
  local function purge_booking(u, field, stored)
    local b = u.bookings[field] or stored and bookings.decode(field, cmsgpack.unpack(stored))
      or damaged('no booking ' .. field)
    bookings.release(u, b)
    u.bookings[field], u.changed_bookings[field] = false, false
  end

  -- The members of `purges` that are due, a slice at most. Commands of this call may have added some, which have no score yet.
  local function due_members(u)
    local due = redis.call('ZRANGEBYSCORE', u.keys[KEY_PURGES], '-inf', u.digits[u.now_ms], 'LIMIT', 0, u.slice)
    local there, added = {}, {}
    for i = 1, #due do
      there[due[i]] = true
    end
    for member, until_ms in pairs(u.purges) do
      if until_ms and until_ms <= u.now_ms and not there[member] then
        added[#added + 1] = member
      end
    end
    table.sort(added)
    for i = 1, math.min(#added, u.slice - #due) do
      due[#due + 1] = added[i]
    end
    return due
  end

  -- Removes what is due in `purges`, a slice at most; returns how many bookings, and how much in all.
  function bookings.purge_due(u)
    local due = due_members(u)
    local stored = #due > 0 and read_many('HMGET', u.keys[KEY_BOOKINGS], due)
    local removed = 0
    for i, member in ipairs(due) do
      local event, places, customer = string.match(member, '^(%d+)%-[%w_-]+/slot:[%d:T-]+/(%d+)/(.*)$')
      local until_ms = u.purges[member] -- false: a command of this call has removed it; nil: none has changed it
      if until_ms == nil or until_ms and until_ms <= u.now_ms then
        if event then
          unit_add_customer_places(u, tonumber(event), customer, -tonumber(places))
        else
          purge_booking(u, member, stored[i])
          removed = removed + 1
        end
        u.purges[member] = false
      end
    end
    return removed, #due
  end

  -- The refusal of more places for a customer, or of one more booking of a phone number; or nil. What has expired does not
  -- count: where it may matter, it is purged first, a slice in each call. If more is left, the answer is `again`.
  function bookings.refusal_of_more(u, event, terms, name, places)
    local most = terms.max_per_customer - places
    if unit_customer(u, event, name) > most and slots.has_any(terms) and not u.purged_due then
      local _, looked_at = bookings.purge_due(u)
      u.purged_due, u.backlog = true, u.backlog or looked_at == u.slice
    end
    local taken = unit_customer(u, event, name)
    if taken <= most then
      return nil
    end
    return u.backlog and reply('again') or reply('limit_exceeded', terms.max_per_customer, taken)
  end

  -- The refusal of one more booking for this customer and this phone number, each empty where it is not meant; or nil.
  function bookings.limit_refusal(u, event, terms, customer, phone)
    for _, name in ipairs(counted_for(customer, phone)) do
      local refusal = bookings.refusal_of_more(u, event, terms, name, 1)
      if refusal then
        return refusal
      end
    end
    return nil
  end

  -- Marks a booking as changed just now and adds a fact about it: the word for what happened, and the whole booking.
  -- No two states of a booking have the same `changed_ms`.
  function bookings.change(u, word, b)
    b.changed_ms = math.max(u.now_ms, (b.changed_ms or 0) + 1)
    b.packed = bookings.pack(b)
    u.bookings[b.field] = b
    u.changed_bookings[b.field] = b
    table.insert(u.booking_facts, ARRAY_HEADS[3] .. u.packed[word] .. u.packed[u.now_ms] .. b.packed)
  end

  -- The result of a command on a booking that there is.
  function bookings.reply(u, word, b, replayed)
    local packed = u.packed
    return ARRAY_OF_4 .. packed[word] .. packed[u.now_ms] .. packed[replayed], b.packed or bookings.pack(b)
  end
end
