-- tend_waiting: upkeep of an event's waiting list.
--
-- Command   {"tend_waiting", event_id}
-- Keys      events, pools, customers, waiting:<event>...
-- Promise   Does what any other call on the event does first, where nobody calls. Due offers end, places are offered, and
--           entries of a list that is over end. Entries that ended long ago are deleted. Bounded.
-- Results   {"waiting_tended", waiting, more}   waiting: entries that wait; more: call again
-- Facts     offered, ended
do
  local function tend_waiting(u, command)
    local event = command[2]
    unit_terms(u, event)
    local more, waiting = waitlists.tend(u, event)
    return reply('waiting_tended', waiting, more or u.backlog)
  end

  commands.tend_waiting = { run = tend_waiting }
end
