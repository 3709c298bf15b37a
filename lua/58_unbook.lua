-- unbook: deletes a booking; its place is free.
--
-- Command   {"unbook", event_id, booking_id, request_id}
-- Keys      pools, bookings, purges, unbooked:<event>:<booking_id>
-- Promise   The place is freed once. The same request again has the same answer; another finds nothing to delete.
-- Results   {"not_found"}                        no such booking, or another request deleted it
--           {"booking_expired"}
--           {"unbooked", now_ms, replayed, booking}
-- Facts     unbooked
local function unbook(u, command)
  local request_id = command[4]
  local before = u.bookings[event_field(u, command[2], command[3])]
  if before and before.state == 'cancelled' and before.request_id == request_id then
    return reply_booking(u, 'unbooked', before, true)
  end
  local b, refusal = live_booking(u, command)
  if not b then
    return refusal
  end
  free_place(u, b)
  b.state, b.request_id = 'cancelled', request_id
  unit_change_booking(u, 'unbooked', b)
  return reply_booking(u, 'unbooked', b, false)
end
