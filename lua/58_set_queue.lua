-- set_queue: what a manager says of an event's waiting room while it works.
--
-- Command   {"set_queue", event_id, secret, commitment, paused, max_inside, per_minute, message}
--           secret, commitment: as in read_queue; the others are lists of at most one: an empty one leaves a thing as it is
--           paused: 1 or 0; max_inside, per_minute: 0: no limit of its own; they count until the event's own are changed
-- Keys      events, pools, deadlines, queue:<event>...
-- Promise   Who is inside stays there.
-- Results   {"unknown_pool", 0}, {"no_queue"}    as in read_queue
--           {"queue", now_ms, phase, reason, joined, cohort, serving, inside, idle, commitment, secret, digest, seed,
--            per_minute, max_inside, message, next_return_ms, no_show, position}    as in read_queue
-- Facts     none
do
  local function set_queue(u, command)
    local room, refusal = rooms.open(u, command[2], command[3], command[4])
    if not room then
      return refusal
    end
    rooms.set(room, command[5], command[6], command[7], command[8])
    return rooms.reply_state(u, room)
  end

  commands.set_queue = { run = set_queue }
end
