-- find_booking: a booking as it is at this instant.
--
-- Command   {"find_booking", event_id, booking_id}
-- Keys      bookings, purges, unbooked:<event>:<booking_id>
-- Results   {"not_found"}     no such booking, or it was deleted, or its slot was purged
--           {"booking_found", now_ms, replayed, booking}   replayed is always false; it is expired from expires_ms on
-- Facts     none
do
  local function find_booking(u, command)
    local b = u.bookings[event_field(u, command[2], command[3])]
    if not b or b.state ~= 'booked' then
      return reply('not_found')
    end
    return bookings.reply(u, 'booking_found', b, false)
  end

  commands.find_booking = { run = find_booking, names_booking = true }
end
