-- find_eticket: an e-ticket as it is at this instant.
--
-- Command   {"find_eticket", event_id, number}
-- Keys      doors:<event>...
-- Results   {"not_found"}
--           {"eticket_found", now_ms, number, e-ticket}
-- Facts     none
do
  local function find(u, command)
    etickets.follow_all(u)
    local e = etickets.find(u, command[2], command[3])
    return e and reply('eticket_found', u.now_ms, command[3], e) or reply('not_found')
  end

  commands.find_eticket = { run = find }
end
