-- join_queue: gives a customer a place in an event's waiting room.
--
-- Command   {"join_queue", event_id, customer_id, secret, commitment, address}
--           secret, commitment: as in read_queue; address: as in hold
-- Keys      events, pools, queue:<event>...
-- Promise   A customer has one place, however often and from wherever it asks. What is refused takes no index.
-- Results   {"rate_limited", who, retry_ms}      too fast (18_limits.lua)
--           {"unknown_pool", 0}, {"no_queue"}    as in read_queue
--           {"out_of_memory"}                    Redis is too full to take anything
--           {"queue_closed", reason}             it does not open yet (an empty reason), or is over, and why
--           {"placed", now_ms, replayed, index, position, ahead, until_ms, wait_ms, longest_ms}
--           position, ahead: -1 before the draw; until_ms: of the pass, 0 without one
--           wait_ms: until its turn comes, in one case of two; longest_ms: in nine of ten.
--           Both are 0 before the draw, and -1 while nobody is let in.
-- Facts     joined; as in every command that opens a room: opened, drawn
do
  local function join_queue(u, command)
    local customer = command[3]
    local room, refusal = rooms.open(u, command[2], command[4], command[5])
    if not room then
      return refusal
    end
    local place = rooms.place(room, customer)
    if place then
      return rooms.reply_place(u, room, place, true)
    end
    if u.memory_full then
      return reply('out_of_memory')
    end
    local phase, reason = rooms.phase(u, room)
    if phase == 'closed' or phase == 'over' then
      return reply('queue_closed', reason)
    end
    return rooms.reply_place(u, room, rooms.join(u, room, customer), false)
  end

  local function takes()
    return true
  end

  commands.join_queue = { run = join_queue, asks = { customer = 3, address = 6 }, takes = takes }
end
