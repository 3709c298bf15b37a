-- transfer_eticket: an e-ticket gets another holder and a new code.
--
-- Command   {"transfer_eticket", event_id, number, holder, request_id}
--           holder: JSON of the names; request_id tells the repeat of a request, which has the same answer
-- Keys      events, doors:<event>...
-- Promise   The code before is void from here on.
-- Results   {"not_found"}
--           {"not_held"}    it is void
--           {"in_use"}      its holder is inside
--           {"eticket_found", now_ms, number, e-ticket}
-- Facts     transferred
do
  local function transfer(u, command)
    etickets.follow_all(u)
    local event, number = command[2], command[3]
    local refusal = etickets.transfer(u, event, number, command[4], command[5])
    return refusal or reply('eticket_found', u.now_ms, number, etickets.find(u, event, number))
  end

  commands.transfer_eticket = { run = transfer }
end
