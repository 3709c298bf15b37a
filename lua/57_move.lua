-- move: changes a booking: to another slot, other details, or both.
--
-- Command   {"move", event_id, booking_id, start_ms, details, customer_id, address}
--           start_ms: of the slot; 0: it stays where it is. details: empty: they stay as they are
--           customer_id, address: as in book
-- Keys      events, pools, bookings, slots, purges, unbooked:<event>:<booking_id>
-- Promise   One step: the old place is free if and only if the new one is taken, and details change with it or not at all.
--           Other details only are possible until the booking expires. What is as wished already changes nothing.
-- Results   {"rate_limited", who, retry_ms}      too fast
--           {"not_found"}                        no such booking
--           {"booking_expired"}
--           {"sale_closed"}, {"not_on_sale_yet", opens_ms}   as in hold
--           {"slot_past"}                        the slot that it is to have has begun
--           {"slot_full", capacity}
--           {"again"}                            the same, but holds that ran out are not all given back yet
--           {"moved", now_ms, replayed, booking}
-- Facts     moved
local function move(u, command)
  local b, refusal = live_booking(u, command)
  if not b then
    return refusal
  end
  local start_ms, details = command[4], command[5]
  start_ms = start_ms > 0 and start_ms or b.start_ms
  details = details ~= '' and details or b.details
  if start_ms == b.start_ms and details == b.details then
    return reply_booking(u, 'moved', b, true)
  end
  if start_ms ~= b.start_ms then
    local terms = unit_terms(u, b.event) or damaged('no terms of event ' .. u.digits[b.event])
    refusal = sale_refusal(u, terms) or take_place(u, b.event, start_ms)
    if refusal then
      return refusal
    end
    free_place(u, b)
    b.start_ms, b.expires_ms = start_ms, start_ms + u.booking_ms
  end
  b.details = details
  unit_change_booking(u, 'moved', b)
  return reply_booking(u, 'moved', b, false)
end
