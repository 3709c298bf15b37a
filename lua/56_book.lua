-- book: takes a place of a slot at once, with no payment.
--
-- Command   {"book", event_id, booking_id, start_ms, details, digest, customer_id, address}
--           details: text about who comes, kept as it is; digest: of the request, to know a repeat from a misuse
--           customer_id, address: who asks, and from where; empty where that is not known, or not limited (18_limits.lua)
-- Keys      events, pools, bookings, slots, purges, unbooked:<event>:<booking_id>
-- Promise   The same booking_id again has no further effect and the same answer, also after the sale closed or the slot
--           began; after the booking was deleted, for as long as ended reservations are kept or until the slot expires.
-- Results   {"rate_limited", who, retry_ms}      too fast
--           {"key_reused"}                       the booking_id was taken for another request
--           {"unknown_pool", 0}                  no such event, or it has no slots
--           {"sale_closed"}, {"not_on_sale_yet", opens_ms}   as in hold
--           {"slot_past"}                        the slot has begun
--           {"slot_full", capacity}
--           {"again"}                            the same, but holds that ran out are not all given back yet
--           {"booked", now_ms, replayed, booking}
-- Facts     booked
local function book(u, command)
  local event, booking_id, start_ms, details, digest = command[2], command[3], command[4], command[5], command[6]
  local field = event_field(u, event, booking_id)
  local before = u.bookings[field]
  if before then
    if before.digest ~= digest then
      return reply('key_reused')
    end
    return reply_booking(u, 'booked', before, true)
  end
  local terms = unit_terms(u, event)
  if not terms or terms.slot_capacity == 0 then
    return reply('unknown_pool', 0)
  end
  local refusal = sale_refusal(u, terms) or take_place(u, event, start_ms)
  if refusal then
    return refusal
  end
  local b = {
    field = field, booking_id = booking_id, event = event, start_ms = start_ms, details = details, digest = digest,
    created_ms = u.now_ms, expires_ms = start_ms + u.booking_ms, state = 'booked',
  }
  unit_change_booking(u, 'booked', b)
  return reply_booking(u, 'booked', b, false)
end
