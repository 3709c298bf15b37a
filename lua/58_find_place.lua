-- find_place: the place of a customer in an event's waiting room.
--
-- Command   {"find_place", event_id, customer_id}
-- Keys      events, pools, queue:<event>...
-- Results   {"unknown_pool", 0}, {"no_queue"}    as in read_queue
--           {"not_found"}                        the customer has no place
--           {"placed", now_ms, replayed, index, position, ahead, until_ms, wait_ms, longest_ms}
--                                                as in join_queue; replayed is always true
-- Facts     none
do
  local function find_place(u, command)
    local room, refusal = rooms.open(u, command[2])
    if not room then
      return refusal
    end
    local place = rooms.place(room, command[3])
    return place and rooms.reply_place(u, room, place, true) or reply('not_found')
  end

  commands.find_place = { run = find_place }
end
