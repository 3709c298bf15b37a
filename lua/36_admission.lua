-- Admission to waiting rooms: how many are let in, and when.
--
-- It is decided whenever somebody asks about the room, so no process has to run for it. The watermark `serving` rises by
-- what the stock, the space inside and a token bucket allow. Customers below it may enter as long as there is space, then
-- and later: who was absent keeps that right.

do
  -- Customers inside without a place are at most as many as the free places. So they stay below 1.2 times of these while
  -- some take all that their passes buy. With 1.2 times at the start, each that does so would raise the proportion.

  -- The rate where nobody has said another one.
  local FASTEST_PER_MINUTE = 60000

  -- The bucket has what comes in this time, or one token: after a pause, or a jump of the clock, no burst follows.
  local BUCKET_MS = 2000

  -- A customer who was let in has one to two of these to come, and then counts as absent.
  local WINDOW_MS = 15000

  -- Space is kept for customers who were let in and have not come, but for fewer of them as time passes. That time is the
  -- longest pause of their pages, and the time to see it and to click. Pages pause 1 ms more for each ten who wait
  -- (api/queue/views.py).
  -- If too many come, some find no space, and try again.
  local DUE_MS, DUE_MS_PER_WAITING, LONGEST_DUE_MS = 3000, 0.1, 13000

  -- Of the customers who may enter at least this part is thought to come.
  local LEAST_SHOW = 0.2

  -- While answers take longer than SLOW_MS the rate is multiplied by SLOWER, at most once a second; then it recovers. A rate
  -- that somebody chose recovers by a part of itself. Where nobody did, the recent rate of admissions is slowed down
  -- instead. The possible rate may be far above it, so lowering that one would change nothing.
  local SLOW_MS, SLOWER, SLOWEST, FASTER_PER_MS, A_SECOND_MS = 250, 0.7, 0.02, 0.05 / 1000, 1000
  local SLOWEST_UNCHOSEN, GROWTH_PER_MS = 60 / FASTEST_PER_MINUTE, 0.2 / 1000

  -- The time for which what came in counts as recent.
  local RECENT_MS = 4000

  -- Nine times out of ten turns come at this part of the present pace, or faster.
  local SLOW_PACE = 0.6

  -- Redis tells in whole seconds, of two clocks, for how long it has run.
  local START_MS = 2000

  -- The places of all shown tickets that can be taken now, and whether all their places are sold. Nil for a timed event,
  -- whose slots are many pools.
  local function stock_of(u, room)
    local terms = room.terms
    if slots.has_any(terms) then
      return nil
    end
    local seen, capacity, left, free = {}, 0, 0, 0
    for ticket_id, ticket in pairs(terms.tickets) do
      local own = ticket.own
      local can_be_taken = not own or not sale.ticket_refusal(u, ticket_id, own)
      for _, name in ipairs(own and own.hidden and {} or ticket.pools) do
        local pool = unit_pool(u, room.event, name) or damaged('no pool ' .. event_field(u, room.event, name))
        if not seen[name] then
          capacity, left = capacity + pool.capacity, left + pool.available + (pool.aside or 0) + pool.held + pool.paying
          seen[name] = 'counted'
        end
        if can_be_taken and seen[name] ~= 'free' then
          free = free + pool.available
          seen[name] = 'free'
        end
      end
    end
    return free, left == 0 and capacity > 0
  end

  -- A number as a manager said it, as long as that of the terms is as it was then; else the terms' own.
  local function chosen(text, own)
    local of, value = string.match(text, '^(%d+):(%d+)$')
    return of and tonumber(of) == own and tonumber(value) or own
  end

  -- The most customers that may be inside at once; 0: any number.
  function rooms.max_inside(room)
    return chosen(room.max_inside, room.terms.room[4])
  end

  -- The customers that may be let in a minute, and whether somebody chose that.
  function rooms.per_minute(room)
    local said = chosen(room.per_minute, room.terms.room[5])
    return (said > 0 and said or FASTEST_PER_MINUTE) * room.factor, said > 0
  end

  -- A manager's words: lists, empty where a thing stays as it is. 0: no limit.
  function rooms.set(room, paused, max_inside, per_minute, message)
    local terms = room.terms.room
    room.paused = paused[1] or room.paused
    room.max_inside = max_inside[1] and string.format('%.0f:%.0f', terms[4], max_inside[1]) or room.max_inside
    room.per_minute = per_minute[1] and string.format('%.0f:%.0f', terms[5], per_minute[1]) or room.per_minute
    room.message = message[1] or room.message
    room.changed = true
  end

  -- The phase of the room, and why it is over.
  function rooms.phase(u, room)
    local terms = room.terms
    if terms.status == 'cancelled' then
      return 'over', 'cancelled'
    end
    if terms.status == 'closed' or (terms.closes_ms > 0 and u.now_ms >= terms.closes_ms) then
      return 'over', 'sale_closed'
    end
    if room.drawn_ms == 0 then
      return (terms.status == 'draft' or u.now_ms < terms.room[1]) and 'closed' or 'gathering', ''
    end
    local _, sold_out = stock_of(u, room)
    if sold_out then
      return 'over', 'sold_out'
    end
    if room.paused == 1 or sale.refusal(u, terms) then
      return 'paused', ''
    end
    return 'serving', ''
  end

  -- The most customers that may be inside, those that may be there without a place, and the free places; math.huge and nil:
  -- any number. The last free places are promised to one customer at a time, although its pass would buy more.
  local function bounds(u, room)
    local most, free = rooms.max_inside(room), stock_of(u, room)
    local idle = math.huge
    if free then
      idle = free > 0 and math.max(1, math.floor(free / room.terms.room[3])) or 0
    end
    return most > 0 and most or math.huge, idle
  end

  -- The number of customers who may still come inside at this instant.
  local function space(u, room)
    local most, idle = bounds(u, room)
    return math.max(0, math.min(most - room.inside, idle - room.idle))
  end

  -- The part of those who are let in that is thought to come.
  local function show_of(room)
    return math.max(LEAST_SHOW, 1 - room.no_show)
  end

  -- True while nobody is admitted because another server has taken over, and may not know who is inside.
  local function fenced(u, room)
    return u.now_ms < room.fence_ms and room.fence_ms <= u.now_ms + room.terms.room[2]
  end

  -- True if the customer whose turn it is may come inside now.
  function rooms.has_space(u, room)
    return rooms.phase(u, room) == 'serving' and not fenced(u, room) and space(u, room) > 0
  end

  -- Notes which server it is. A server that ran already when another one wrote was its replica, and may lack the last
  -- writes. So nobody is admitted until all passes of that time have ended. A server that was started since has read its
  -- file.
  local function note_server(u, room)
    local run_id = server_run_id()
    if room.run_id == run_id then
      return
    end
    if room.run_id ~= '' and not u.acks then
      local seconds = tonumber(string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)') or 0)
      if u.now_ms - seconds * 1000 < room.updated_ms - START_MS then
        room.fence_ms = u.now_ms + room.terms.room[2]
      end
    end
    room.run_id, room.changed = run_id, true
  end

  -- The passes that take no space any more. If the number of customers stops the others, they are the passes that ended;
  -- else also those that took a place.
  local function gone(u, room)
    local most, idle = bounds(u, room)
    return room.passes - (most - room.inside < idle - room.idle and room.inside or room.idle)
  end

  -- Learns at the end of each window. Customers who were let in before it had one to two windows to come. A customer who
  -- found no space is not absent. So where there is none, only a smaller part counts as absent.
  local function learn(u, room)
    local passed_ms = u.now_ms - room.mark_ms
    if passed_ms >= 0 and passed_ms < WINDOW_MS then
      return
    end
    local invited = room.mark_serving - room.last_serving
    if invited > 0 and passed_ms > 0 then
      local absent = 1 - math.min(1, room.last_came / invited)
      if absent < room.no_show or space(u, room) > 0 then
        -- The first that is known counts more, the more customers it is about.
        local weight = room.no_show == 0 and invited / (invited + 5) or 0.5
        room.no_show = room.no_show + weight * (absent - room.no_show)
      end
    end
    local gone_now = gone(u, room)
    if room.mark_ms > 0 and passed_ms > 0 then
      local pace = math.max(0, gone_now - room.mark_gone) * 60000 / passed_ms / show_of(room)
      room.pace = room.pace >= 0 and (room.pace + pace) / 2 or pace
    end
    room.last_serving, room.last_came = room.mark_serving, room.came
    room.mark_ms, room.mark_serving, room.mark_gone, room.came, room.changed = u.now_ms, room.serving, gone_now, 0, true
  end

  -- Lets the rate recover for that many ms.
  local function recover(u, room, passed_ms)
    if room.factor < 1 and u.now_ms - room.slowed_ms >= A_SECOND_MS then
      local _, is_chosen = rooms.per_minute(room)
      local counted_ms = math.min(passed_ms, BUCKET_MS)
      room.factor = math.min(1, is_chosen and room.factor + FASTER_PER_MS * counted_ms
        or room.factor * (1 + GROWTH_PER_MS * counted_ms))
    end
  end

  -- Moves the watermark by what may come in now.
  local function serve(u, room)
    local passed_ms = math.max(0, u.now_ms - room.updated_ms)
    recover(u, room, passed_ms)
    local per_ms = rooms.per_minute(room) / 60000
    local tokens = math.min(math.max(1, per_ms * BUCKET_MS), room.tokens + per_ms * passed_ms)
    local due_ms = math.min(LONGEST_DUE_MS, DUE_MS + DUE_MS_PER_WAITING * (room.joined - room.serving))
    local show, due = show_of(room), room.due * math.max(0, 1 - passed_ms / due_ms)
    local wanted = math.floor((space(u, room) - due) / show + 0.5) -- rounded: a single absentee keeps no last place
    local admitted = math.floor(math.max(0, math.min(wanted, tokens / show, room.joined - room.serving)))
    if admitted > 0 or passed_ms >= A_SECOND_MS or u.now_ms < room.updated_ms then
      room.serving, room.tokens, room.due = room.serving + admitted, tokens - admitted * show, due + admitted * show
      room.recent = room.recent * math.max(0, 1 - passed_ms / RECENT_MS) + admitted * show
      room.updated_ms, room.changed = u.now_ms, true
    end
  end

  -- The ms until the turn of a place at this position: in one case of two, and in nine of ten. They are 0 if it may enter
  -- now, and -1 while nobody is let in.
  local function waits(u, room, place, at_position)
    if not at_position or rooms.is_inside(u, place) then
      return 0, 0
    end
    if rooms.phase(u, room) ~= 'serving' then
      return -1, -1
    end
    if at_position < room.serving and rooms.has_space(u, room) then
      return 0, 0
    end
    local turns = math.max(0, at_position - room.serving) + 1 -- those of others, and its own
    local show = show_of(room)
    local most, idle = bounds(u, room)
    local at_once = math.max(0, math.floor((space(u, room) - room.due) / show))
    local wait_ms = turns * 60000 * show / rooms.per_minute(room)
    local longest_ms = wait_ms / SLOW_PACE
    if turns > at_once then
      -- At worst everybody stays for the whole pass. While nothing is known yet, half of it is thought to be usual.
      local least = math.max(1, math.min(most, idle)) / show * 60000 / room.terms.room[2]
      local is_known = room.pace >= 0
      local pace, slow_pace = is_known and room.pace or 2 * least, is_known and SLOW_PACE * room.pace or least
      wait_ms = math.max(wait_ms, (turns - at_once) * 60000 / math.max(least, pace))
      longest_ms = math.max(longest_ms, (turns - at_once) * 60000 / math.max(least, slow_pace))
    end
    return math.floor(wait_ms), math.floor(longest_ms)
  end

  -- Brings a room up to this instant, once in a call.
  function rooms.admit(u, room)
    if room.admitted then
      return
    end
    room.admitted = true
    note_server(u, room)
    rooms.end_due(u, room)
    if room.drawn_ms == 0 or rooms.phase(u, room) ~= 'serving' or fenced(u, room) then
      if room.drawn_ms > 0 and u.now_ms - room.updated_ms >= A_SECOND_MS then
        room.updated_ms, room.changed = u.now_ms, true -- a pause fills no bucket
      end
      return
    end
    learn(u, room)
    serve(u, room)
  end

  -- A process says how long answers take there.
  function rooms.feel(u, room, delay_ms)
    local since_ms = u.now_ms - room.slowed_ms
    if delay_ms > SLOW_MS and (since_ms >= A_SECOND_MS or since_ms < 0) then
      local per_minute, is_chosen = rooms.per_minute(room)
      if is_chosen then
        room.factor = math.max(SLOWEST, room.factor * SLOWER)
      else
        local present = math.min(per_minute, room.recent * 60000 / RECENT_MS)
        room.factor = math.max(SLOWEST_UNCHOSEN, present * SLOWER / FASTEST_PER_MINUTE)
      end
      room.slowed_ms, room.changed = u.now_ms, true
    end
  end

  -- The answer about a place.
  function rooms.reply_place(u, room, place, replayed)
    local position, ahead = rooms.ahead(room, place)
    local wait_ms, longest_ms = waits(u, room, place, position)
    return reply('placed', u.now_ms, replayed, place.index, position or -1, ahead or -1,
      rooms.is_inside(u, place) and place.until_ms or 0, wait_ms, longest_ms)
  end

  -- The answer about a room. What is secret until the draw is empty before.
  function rooms.reply_state(u, room)
    local phase, reason = rooms.phase(u, room)
    local drawn, free = room.drawn_ms > 0, stock_of(u, room)
    local next_ms = drawn and free == 0 and phase ~= 'over' and returns.next_ms(u, room.event) or 0
    return reply('queue', u.now_ms, phase, reason, room.joined, drawn and room.cohort or -1, room.serving, room.inside,
      room.idle, room.commitment, drawn and room.secret or '', drawn and room.digest or '', room.seed,
      math.floor(rooms.per_minute(room)), rooms.max_inside(room), room.message, next_ms, math.floor(room.no_show * 1000),
      unit_position(u))
  end
end
