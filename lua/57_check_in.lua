-- check_in: a gate has scanned a code.
--
-- Command   {"check_in", event_id, number, issue, verdict, gate, nonce, direction, scanned_ms, offline, {ms...}, {exit...}}
--           number, issue: of the e-ticket that the code names; verdict: `unknown` or `other_event` where the code itself
--           says so, else empty
--           direction: `in` or `out`; scanned_ms: 0: now. It counts where `offline`: what a gate did without a way here
--           ms: the instant before which nobody is admitted, 0: none; and for how long a timed ticket admits before its
--           slot's start, and after it
--           exit: the instants of the last exit with that code before this scan in the same upload, and of the first
--           after it; 0: none
-- Keys      events, pools, outbox, doors:<event>...
-- Promise   An e-ticket is admitted in once until it is scanned out, however many gates ask at once. What was done offline
--           is recorded, never refused; of a double entry both gates are reported. The same gate and nonce again: the same
--           answer.
-- Results   {"checked_in", now_ms, replayed, result, number, issue, {e-ticket}, gate, ms}
--           result: `admitted`, `already_in`, `void`, `other_event`, `unknown`, `not_yet`; number: -1: of no e-ticket;
--           gate, ms: of the other entry, where this one doubles it; empty and 0 else
-- Facts     entered, left; and the scan
do
  local function check_in(u, command)
    etickets.follow_all(u) -- of what was refunded in this call
    local event, offline, times = command[2], command[10], command[11]
    local exits = command[12] or { 0, 0 } -- an older release knows none
    local scan = {
      number = command[3], issue = command[4], verdict = command[5], gate = command[6], nonce = command[7],
      direction = command[8], offline = offline, opens_ms = times[1], early_ms = times[2], late_ms = times[3],
      at_ms = offline and command[9] > 0 and math.min(command[9], u.now_ms) or u.now_ms,
      exit_before_ms = exits[1], exit_after_ms = exits[2],
    }
    local answer, replayed = etickets.scan(u, event, scan)
    return reply('checked_in', u.now_ms, replayed, unpack(answer))
  end

  commands.check_in = { run = check_in }
end
