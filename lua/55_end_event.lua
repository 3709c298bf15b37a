-- end_event: gives a slice of the holds of a cancelled event back, as cancelled.
--
-- Command   {"end_event", event_id, cursor}
--           cursor: "0" at first, then the cursor that the call before returned
-- Keys      events, pools, seats:<event>:<pool>, customers, ledger, deadlines, hold:<rid>
-- Promise   Called until the cursor is "0" again, it gives back all holds that the event had when it was cancelled. There
--           are no new ones. Places that are being paid for stay pinned until that payment ends. Bounded.
-- Results   {"unknown_pool", 0}             no such event
--           {"event_ended", cursor, given_back}   cursor "0": that was all, or the event is not cancelled
-- Facts     cancelled
do
  -- The approximate number of records to look at.
  local LOOKED_AT = 200

  local function end_event(u, command)
    local event = command[2]
    if not unit_terms(u, event) then
      return reply('unknown_pool', 0)
    end
    if not event_cancelled(u, event) then
      return reply('event_ended', '0', 0)
    end
    local found, given_back = redis.call('HSCAN', u.keys[KEY_LEDGER], command[3], 'COUNT', LOOKED_AT), 0
    local prefix, rids = u.digits[event] .. '-', {}
    for i = 1, #found[2], 2 do
      local rid = found[2][i]
      if string.sub(rid, 1, #prefix) == prefix then
        rids[#rids + 1] = rid
        if not u.records[rid] then
          local r = record_decode(rid, found[2][i + 1])
          r.stored = record_unsettled(r) and 'unsettled' or 'held'
          u.records[rid] = r
        end
      end
    end
    table.sort(rids) -- Redis tells them in an order of its own
    for _, rid in ipairs(rids) do
      local r = unit_record(u, rid)
      if r.state == 'held' then
        unit_give_back(u, r, 'held', 'cancelled')
        given_back = given_back + 1
      end
    end
    return reply('event_ended', found[1], given_back)
  end

  commands.end_event = { run = end_event }
end
