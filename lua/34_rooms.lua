-- Waiting rooms: who waits for an event, in which order, and who is inside.
--
-- A room is beside the event's stock, so that one clock and one step decide about both:
--   queue:<event>          hash, see FIELDS
--   queue:<event>:places   customer -> `index began_ms until_ms used`: when the pass began and ends, and how many places it
--                          has taken. `began_ms` is 0 once the pass is known to have ended; all are 0 before the first pass
--   queue:<event>:inside   customer -> until when its pass is valid, ms; those whose `began_ms` is not 0
-- It is read and written only where an event has a room. Facts say who joined, entered and left, and name the seed of the
-- order: that is restored (83_restore.lua). Who is inside and how fast others follow is not restored, but starts again.
--
-- The order. Customers who join before the sale opens are a cohort. When it opens, one write fixes their number and makes
-- the seed, which determines the position of each. The secret in the seed was fixed, and its SHA-256 known, before anybody
-- joined. Redis has SHA-1 and no SHA-256, so the seed and the permutation use SHA-1; neither needs that nobody can find
-- collisions.
--
-- Who may enter is decided in 36_admission.lua.

do
  -- The rounds of the permutation.
  local ROUNDS = 8

  -- The fields of a room, and what they are before they are stored. Those that are no texts are numbers.
  local FIELDS = {
    { 'secret', '' }, { 'commitment', '' },
    { 'joined', 0 }, -- the next index
    { 'digest', '' }, -- over the customers of the cohort in the order in which they joined
    { 'drawn_ms', 0 }, { 'cohort', 0 }, { 'seed', '' }, -- 0: not drawn yet
    { 'serving', 0 }, -- positions below it may enter
    { 'entered', 0 }, -- customers who have ever entered
    { 'idle', 0 }, -- those inside whose pass has taken no place
    { 'updated_ms', 0 }, { 'tokens', 0 }, { 'factor', 1 }, { 'slowed_ms', 0 }, { 'recent', 0 }, -- the rate
    { 'mark_ms', 0 }, { 'mark_serving', 0 }, { 'last_serving', 0 }, -- where this window and the one before began
    { 'came', 0 }, { 'last_came', 0 }, -- those who have entered of the positions that these two let in
    { 'passes', 0 }, { 'mark_gone', 0 }, -- passes that began; those that needed no space any more as the window began
    { 'due', 0 }, -- those who are thought to come yet of whom was let in
    { 'no_show', 0 }, { 'pace', -1 }, -- learned: the part of absentees; how many turns come a minute, -1: unknown
    { 'run_id', '' }, { 'fence_ms', 0 }, -- the server that wrote last; until when nobody is admitted
    { 'paused', 0 }, { 'max_inside', '' }, { 'per_minute', '' }, { 'message', '' }, -- what a manager said
  }

  local function key_of(u, event)
    return string.sub(u.keys[KEY_LEDGER], 1, -7) .. 'queue:' .. u.digits[event]
  end

  -- Tells what happened in a room. `text`: the secret of one that is opened, the digest of one that is drawn.
  local function tell(u, word, room, customer, index, text)
    table.insert(u.queue_facts, cmsgpack.pack({ word, u.now_ms, room.event, customer, index, text }))
  end

  -- The room of an event that has one, with the terms as they are now. Nothing is read of one that is new here.
  local function at(u, event)
    u.rooms = u.rooms or {}
    local room = u.rooms[event]
    if not room then
      local key = key_of(u, event)
      room = {
        event = event, key = key, places_key = key .. ':places', inside_key = key .. ':inside',
        places = {}, changed_places = {}, changed_inside = {}, changed = false,
      }
      u.rooms[event] = room
    end
    room.terms = unit_terms(u, event)
    return room
  end

  -- Reads what a room's hash has, once.
  local function load(u, room)
    if room.joined then
      return
    end
    local names = {}
    for i, field in ipairs(FIELDS) do
      names[i] = field[1]
    end
    local stored = redis.call('HMGET', room.key, unpack(names))
    for i, field in ipairs(FIELDS) do
      local value = stored[i] or field[2]
      if type(field[2]) == 'number' then
        value = tonumber(value) or damaged('waiting room ' .. room.key)
      end
      room[field[1]] = value
    end
    room.inside = redis.call('ZCARD', room.inside_key)
    if redis.call('HLEN', room.places_key) > room.joined or room.idle > room.inside or room.idle < 0 then
      damaged('waiting room ' .. room.key)
    end
  end

  local function place_decode(room, customer, raw)
    local index, began_ms, until_ms, used = string.match(raw, '^(%d+) (%d+) (%d+) (%d+)$')
    if not index then
      damaged('place of ' .. customer .. ' in ' .. room.key)
    end
    return {
      index = tonumber(index), began_ms = tonumber(began_ms), until_ms = tonumber(until_ms), used = tonumber(used),
    }
  end

  -- The place of a customer, or false.
  local function place_of(room, customer)
    local place = room.places[customer]
    if place == nil then
      local raw = customer ~= '' and redis.call('HGET', room.places_key, customer)
      place = raw and place_decode(room, customer, raw)
      room.places[customer] = place
    end
    return place
  end

  -- The position of an index: a permutation of the cohort, keyed by the seed. It is a Feistel network on the square that has
  -- room for the cohort, repeated until the result is in the cohort. Indexes behind the cohort are their own positions.
  local function position(room, index)
    local cohort, seed = room.cohort, room.seed
    if index >= cohort then
      return index
    end
    local side = math.floor(math.sqrt(cohort))
    while side * side < cohort do
      side = side + 1
    end
    local at_index = index
    repeat
      local left, right = math.floor(at_index / side), at_index % side
      for round = 1, ROUNDS do
        local hash = redis.sha1hex(string.format('%s:%.0f:%.0f', seed, round, right))
        left, right = right, (left + tonumber(string.sub(hash, 1, 12), 16)) % side
      end
      at_index = left * side + right
    until at_index < cohort
    return at_index
  end

  -- The position of a place, and how many are before it; nil before the draw.
  function rooms.ahead(room, place)
    if room.drawn_ms == 0 then
      return nil
    end
    local at_position = position(room, place.index)
    return at_position, math.max(0, at_position - room.serving)
  end

  -- Draws the order, once.
  local function draw(u, room)
    room.cohort, room.drawn_ms, room.updated_ms, room.changed = room.joined, u.now_ms, u.now_ms, true
    room.seed = redis.sha1hex(string.format('%s:%.0f:%.0f:%s', room.secret, room.event, room.cohort, room.digest))
    tell(u, 'drawn', room, '', room.cohort, room.digest)
  end

  -- The room of an event at this instant, or nil and the refusal. `secret` and `commitment`: what a room that is new gets;
  -- nil: a room that is not there stays without, and nobody is in it.
  function rooms.open(u, event, secret, commitment)
    local terms = unit_terms(u, event)
    if not terms then
      return nil, reply('unknown_pool', 0)
    end
    if not terms.room then
      return nil, reply('no_queue')
    end
    local room = at(u, event)
    load(u, room)
    if room.secret == '' and secret then
      room.secret, room.commitment, room.changed = secret, commitment, true
      tell(u, 'opened', room, '', 0, secret)
    end
    if room.secret == '' then
      return room
    end
    if room.drawn_ms == 0 and u.now_ms >= terms.room[1] and not sale.refusal(u, terms) then
      draw(u, room)
    end
    rooms.admit(u, room)
    return room
  end

  function rooms.place(room, customer)
    return place_of(room, customer)
  end

  -- True if the customer is inside.
  function rooms.is_inside(u, place)
    return place.until_ms > u.now_ms
  end

  -- Gives a customer the next index.
  function rooms.join(u, room, customer)
    local place = { index = room.joined, began_ms = 0, until_ms = 0, used = 0 }
    if room.drawn_ms == 0 then
      room.digest = redis.sha1hex(room.digest .. '\n' .. customer)
    end
    room.joined, room.changed = room.joined + 1, true
    room.places[customer], room.changed_places[customer] = place, true
    tell(u, 'joined', room, customer, place.index, '')
    return place
  end

  -- Takes away the pass of a customer who is counted as inside. Its end stays known.
  function rooms.end_pass(room, customer, place)
    room.inside, room.changed = room.inside - 1, true
    if place.used == 0 then
      room.idle = room.idle - 1
    end
    place.began_ms = 0
    room.changed_places[customer], room.changed_inside[customer] = true, false
  end

  -- Lets a customer whose position is below the watermark inside.
  function rooms.begin_pass(u, room, customer, place, at_position)
    if place.began_ms > 0 then
      rooms.end_pass(room, customer, place)
    end
    if place.until_ms == 0 then
      room.entered, room.due = room.entered + 1, math.max(0, room.due - 1)
      if at_position >= room.mark_serving then
        room.came = room.came + 1
      elseif at_position >= room.last_serving then
        room.last_came = room.last_came + 1
      end
    end
    room.passes = room.passes + 1
    place.began_ms, place.until_ms, place.used = u.now_ms, u.now_ms + room.terms.room[2], 0
    room.inside, room.idle, room.changed = room.inside + 1, room.idle + 1, true
    room.changed_places[customer], room.changed_inside[customer] = true, place.until_ms
    tell(u, 'entered', room, customer, place.index, '')
  end

  -- Forgets the place of a customer.
  function rooms.leave(u, room, customer, place)
    if place.began_ms > 0 then
      rooms.end_pass(room, customer, place)
    end
    room.places[customer], room.changed_places[customer] = false, true
    tell(u, 'left', room, customer, place.index, '')
  end

  -- Ends the passes that have expired, a slice at most.
  function rooms.end_due(u, room)
    local due = redis.call('ZRANGEBYSCORE', room.inside_key, '-inf', u.digits[u.now_ms], 'LIMIT', 0, u.slice)
    local stored = #due > 0 and read_many('HMGET', room.places_key, due)
    for i, customer in ipairs(due) do
      local place = room.places[customer]
      if place == nil then
        place = stored[i] and place_decode(room, customer, stored[i]) or damaged('no place of ' .. customer .. ' in ' .. room.key)
        room.places[customer] = place
      end
      if place and place.began_ms > 0 and not rooms.is_inside(u, place) then
        rooms.end_pass(room, customer, place)
      end
    end
  end

  -- The refusal of a customer who may not take that many more places, or nil.
  function rooms.refusal(u, event, customer, places)
    local room = at(u, event)
    local place = place_of(room, customer)
    if not place then
      return reply('queue_required')
    end
    if rooms.is_inside(u, place) then
      if place.used + places <= room.terms.room[3] then
        return nil
      end
      return u.backlog and reply('again') or reply('limit_exceeded', room.terms.room[3], place.used)
    end
    if place.until_ms > 0 then
      return reply('pass_expired')
    end
    rooms.open(u, event)
    local _, ahead = rooms.ahead(room, place)
    return reply('not_your_turn', ahead or -1)
  end

  -- Counts places that a customer who is inside has taken.
  function rooms.took(u, event, customer, places)
    local room = at(u, event)
    local place = place_of(room, customer)
    if places == 0 or not place or place.began_ms == 0 then
      return
    end
    load(u, room)
    if place.used == 0 then
      room.idle, room.changed = room.idle - 1, true
    end
    place.used = place.used + places
    room.changed_places[customer] = true
  end

  -- The same for a hold that was made at `since_ms` and gets this customer, or its places again. It counts for a pass that had
  -- begun by then: that pass gets its places back. The pass of another customer that took them stays used.
  function rooms.took_over(u, event, customer, since_ms, places)
    local place = place_of(at(u, event), customer)
    if place and since_ms >= place.began_ms then
      rooms.took(u, event, customer, places)
    end
  end

  -- Places that were taken at `since_ms` are for sale again; the customer's pass may take as many others if it took them.
  function rooms.gave_back(u, event, customer, since_ms, places)
    local room = at(u, event)
    local place = place_of(room, customer)
    if places == 0 or not place or place.began_ms == 0 or since_ms < place.began_ms or place.used == 0 then
      return
    end
    load(u, room)
    place.used = math.max(0, place.used - places)
    if place.used == 0 then
      room.idle, room.changed = room.idle + 1, true
    end
    room.changed_places[customer] = true
  end

  local function write_room(room)
    local fields = {}
    for i, field in ipairs(FIELDS) do
      local value = room[field[1]]
      if type(value) == 'number' then
        value = string.format(value % 1 == 0 and '%.0f' or '%.4f', value)
      end
      fields[2 * i - 1], fields[2 * i] = field[1], value
    end
    redis.call('HSET', room.key, unpack(fields))
  end

  -- Writes a room of which nothing is there: {event, secret, commitment, joined, digest, drawn_ms, cohort, seed, serving, entered}.
  function rooms.restore(prefix, room)
    local serving = string.format('%.0f', room[9])
    redis.call('HSET', string.format('%squeue:%.0f', prefix, room[1]), 'secret', room[2], 'commitment', room[3], 'joined',
      string.format('%.0f', room[4]), 'digest', room[5], 'drawn_ms', string.format('%.0f', room[6]), 'updated_ms',
      string.format('%.0f', room[6]), 'cohort', string.format('%.0f', room[7]), 'seed', room[8], 'serving', serving,
      'mark_serving', serving, 'last_serving', serving, 'entered', string.format('%.0f', room[10]))
  end

  -- Writes a place of a room: {event, customer, index, entered_ms}; 0: it never entered. Nobody is inside.
  function rooms.restore_place(prefix, place)
    redis.call('HSET', string.format('%squeue:%.0f:places', prefix, place[1]), place[2],
      string.format('%.0f 0 %.0f 0', place[3], place[4]))
  end

  -- Removes what there is of the room of an event that is gone.
  function rooms.forget(u, event)
    local key = key_of(u, event)
    redis.call('DEL', key, key .. ':places', key .. ':inside')
  end

  -- Writes what changed of rooms. Their keys were read, with their types, before.
  function rooms.write(u)
    for _, room in pairs(u.rooms) do
      if room.changed then
        write_room(room)
      end
      local to_places, from_places, to_inside, from_inside = {}, {}, {}, {}
      for customer in pairs(room.changed_places) do
        local place = room.places[customer]
        if place then
          table.insert(to_places, customer)
          table.insert(to_places,
            string.format('%.0f %.0f %.0f %.0f', place.index, place.began_ms, place.until_ms, place.used))
        else
          table.insert(from_places, customer)
        end
      end
      for customer, until_ms in pairs(room.changed_inside) do
        if until_ms then
          table.insert(to_inside, u.digits[until_ms])
          table.insert(to_inside, customer)
        else
          table.insert(from_inside, customer)
        end
      end
      call_with('HSET', room.places_key, to_places)
      call_with('HDEL', room.places_key, from_places)
      call_with('ZADD', room.inside_key, to_inside)
      call_with('ZREM', room.inside_key, from_inside)
    end
  end
end
