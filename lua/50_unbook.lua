-- unbook: deletes a booking; its place is free.
--
-- Command   {"unbook", event_id, booking_id, request_id, changed_ms}
--           changed_ms: the state of the booking to delete; 0: any state
-- Keys      pools, customers, bookings, purges, unbooked:<event>:<booking_id>
-- Promise   The place is freed once. The same request again has the same answer; another finds nothing to delete.
--           Of who was to come nothing is kept.
-- Results   {"not_found"}                        no such booking, or another request deleted it
--           {"booking_expired"}
--           {"booking_changed"}                  it is in another state than changed_ms says
--           {"unbooked", now_ms, replayed, booking}
-- Facts     unbooked
do
  local function unbook(u, command)
    local request_id, changed_ms = command[4], command[5]
    local before = u.bookings[event_field(u, command[2], command[3])]
    if before and before.state == 'cancelled' and before.request_id == request_id then
      return bookings.reply(u, 'unbooked', before, true)
    end
    local b, refusal = bookings.live(u, command)
    if not b then
      return refusal
    end
    if changed_ms > 0 and changed_ms ~= b.changed_ms then
      return reply('booking_changed')
    end
    bookings.release(u, b)
    b.state, b.request_id = 'cancelled', request_id
    b.details, b.phone = '{}', ''
    bookings.change(u, 'unbooked', b)
    return bookings.reply(u, 'unbooked', b, false)
  end

  commands.unbook = { run = unbook, names_booking = true }
end
