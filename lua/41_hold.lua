-- hold: takes places for a while, all that are asked for or none.
--
-- Command   {"hold", rid, event_id, customer_id, details, digest, {{ticket_id, quantity}...}}
--           details: text about the customer, kept as it is; digest: of the request, to know a repeat from a misuse
-- Keys      events, pools, customers, ledger, deadlines, hold:<rid>
-- Promise   The same rid again has no further effect and the same answer, also after the hold ended or the sale closed;
--           so a repeat is looked for before anything else is judged.
-- Results   {"key_reused"}                          the rid was taken for another request
--           {"unknown_pool", ticket_id}             no such event (ticket 0) or no such ticket in it
--           {"sale_closed"}                         the event is closed, cancelled or past its window
--           {"not_on_sale_yet", opens_ms}           a draft (0), or before its window
--           {"limit_exceeded", limit, taken}        more than one customer may have of the event
--           {"sold_out", ticket_id, available}      some ticket has fewer places left
--           {"again"}                               limit_exceeded or sold_out, but holds that ran out are not all given
--                                                   back yet: send the command again
--           {"held", now_ms, replayed, record}
-- Facts     held

-- The refusal of an event that is not on sale now, or nil.
local function sale_refusal(u, terms)
  if terms.status == 'draft' then
    return reply('not_on_sale_yet', 0)
  end
  if terms.status ~= 'on_sale' or (terms.closes_ms > 0 and u.now_ms >= terms.closes_ms) then
    return reply('sale_closed')
  end
  if u.now_ms < terms.opens_ms then
    return reply('not_on_sale_yet', terms.opens_ms)
  end
  return nil
end

-- The line of so many places of a ticket. The holds of a call share it.
local function ticket_line(ticket, ticket_id, quantity)
  local line = { ticket_id, ticket.pool, quantity, ticket.unit_minor }
  ticket.lines[quantity] = line
  return line
end

local function hold(u, command)
  local rid, event, customer, details, digest, items =
    command[2], command[3], command[4], command[5], command[6], command[7]
  local before = u.records[rid]
  if before then
    if before.digest ~= digest then
      return reply('key_reused')
    end
    return reply_record(u, 'held', before, true)
  end
  local terms = unit_terms(u, event)
  if not terms then
    return reply('unknown_pool', 0)
  end
  local refusal = sale_refusal(u, terms)
  if refusal then
    return refusal
  end
  local r = {
    rid = rid, state = 'held', event = event, customer = customer, details = details, digest = digest,
    created_ms = u.now_ms, deadline_ms = u.now_ms + terms.hold_ms, ended_ms = 0, lines = {}, attempts = {},
  }
  local places = 0
  for i = 1, #items do
    local item = items[i]
    local ticket = terms.tickets[item[1]]
    if not ticket then
      return reply('unknown_pool', item[1])
    end
    r.lines[i] = ticket.lines[item[2]] or ticket_line(ticket, item[1], item[2])
    places = places + item[2]
  end
  local taken, customer_field = unit_customer(u, event, customer)
  if taken + places > terms.max_per_customer then
    return u.backlog and reply('again') or reply('limit_exceeded', terms.max_per_customer, taken)
  end
  local line, available = unit_short_line(u, r)
  if line then
    return u.backlog and reply('again') or reply('sold_out', line[LINE_TICKET], available)
  end
  unit_move(u, r, 'available', 'held')
  unit_set_customer(u, customer_field, taken + places)
  u.records[rid] = r
  unit_change(u, r)
  unit_fact(u, 'held', r)
  return reply_record(u, 'held', r, false)
end
