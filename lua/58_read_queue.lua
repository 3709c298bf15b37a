-- read_queue: the public state of an event's waiting room; lets in the customers who may enter.
--
-- Command   {"read_queue", event_id, secret, commitment, delay_ms}
--           secret, commitment: what a room that is new gets: 32 random bytes, and their SHA-256, both as hexadecimal digits
--           delay_ms: how long answers take in the process that asks; if too long, fewer are let in
-- Keys      events, pools, deadlines, queue:<event>...
-- Results   {"unknown_pool", 0}    no such event
--           {"no_queue"}           it has no waiting room
--           {"queue", now_ms, phase, reason, joined, cohort, serving, inside, idle, commitment, secret, digest, seed,
--            per_minute, max_inside, message, next_return_ms, no_show, position}
--           phase: closed, gathering, serving, paused or over; reason: of over: sold_out, sale_closed or cancelled
--           cohort: -1 before the draw; secret, digest and seed are empty until then
--           idle: those inside without a place; no_show: absentees in thousandths
--           position: the id of the last entry in the outbox before this call
-- Facts     opened, drawn
do
  local function read_queue(u, command)
    local room, refusal = rooms.open(u, command[2], command[3], command[4])
    if not room then
      return refusal
    end
    rooms.feel(u, room, command[5])
    return rooms.reply_state(u, room)
  end

  commands.read_queue = { run = read_queue }
end
