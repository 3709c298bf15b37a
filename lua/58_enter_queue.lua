-- enter_queue: lets a customer whose turn it is inside, with a pass.
--
-- Command   {"enter_queue", event_id, customer_id, address}; address: as in hold
-- Keys      events, pools, queue:<event>...
-- Promise   Inside, the same answer until the pass ends. Customers below the watermark may enter whenever there is space,
--           also again after a pass that has ended.
-- Results   {"rate_limited", who, retry_ms}      too fast (18_limits.lua)
--           {"unknown_pool", 0}, {"no_queue"}    as in read_queue
--           {"not_found"}                        the customer has no place
--           {"out_of_memory"}                    Redis is too full to take anything
--           {"queue_closed", reason}             as in join_queue
--           {"not_your_turn", ahead}             that many are before it; 0: it is the next one; -1: not drawn yet
--           {"inside_full"}                      it is its turn, but there is no space at the moment
--           {"again"}                            the same, but expired holds are not all given back yet
--           {"placed", now_ms, replayed, index, position, ahead, until_ms, wait_ms, longest_ms}   as in join_queue
-- Facts     entered
do
  local function enter_queue(u, command)
    local customer = command[3]
    local room, refusal = rooms.open(u, command[2])
    if not room then
      return refusal
    end
    local place = rooms.place(room, customer)
    if not place then
      return reply('not_found')
    end
    if rooms.is_inside(u, place) then
      return rooms.reply_place(u, room, place, true)
    end
    if u.memory_full then
      return reply('out_of_memory')
    end
    local phase, reason = rooms.phase(u, room)
    if phase == 'over' then
      return reply('queue_closed', reason)
    end
    local position, ahead = rooms.ahead(room, place)
    if not position or position >= room.serving then
      return reply('not_your_turn', ahead or -1)
    end
    if not rooms.has_space(u, room) then
      return u.backlog and reply('again') or reply('inside_full')
    end
    rooms.begin_pass(u, room, customer, place, position)
    return rooms.reply_place(u, room, place, false)
  end

  local function takes()
    return true
  end

  commands.enter_queue = { run = enter_queue, asks = { customer = 3, address = 4 }, takes = takes }
end
