-- leave_queue: gives up the place of a customer in an event's waiting room, and its pass.
--
-- Command   {"leave_queue", event_id, customer_id}
-- Keys      events, pools, queue:<event>...
-- Promise   What the customer holds it keeps. Who joins again has another place, behind all others. Safe to repeat.
-- Results   {"unknown_pool", 0}, {"no_queue"}    as in read_queue
--           {"left"}
-- Facts     left
do
  local function leave_queue(u, command)
    local room, refusal = rooms.open(u, command[2])
    if not room then
      return refusal
    end
    local place = rooms.place(room, command[3])
    if place then
      rooms.leave(u, room, command[3], place)
    end
    return reply('left')
  end

  commands.leave_queue = { run = leave_queue }
end
