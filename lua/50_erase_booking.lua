-- erase_booking: replaces what the API keeps about who comes, and forgets the phone number.
--
-- Command   {"erase_booking", event_id, booking_id, details}; details: what stands there from now on
-- Keys      customers, bookings, purges, unbooked:<event>:<booking_id>
-- Promise   Nothing else changes: it keeps its place, and counts for its customer. The phone number has one booking less.
--           Erasing again changes nothing.
-- Results   {"not_found"}                        no such booking, or it was deleted, which erases it, or purged
--           {"booking_erased", now_ms, replayed, booking}
-- Facts     erased
do
  local function erase_booking(u, command)
    local b, details = u.bookings[event_field(u, command[2], command[3])], command[4]
    if not b or b.state ~= 'booked' then
      return reply('not_found')
    end
    local changes_it = b.details ~= details or b.phone ~= ''
    if changes_it then
      bookings.count(u, b.event, '', b.phone, -1)
      b.details, b.phone = details, ''
      bookings.change(u, 'erased', b)
    end
    return bookings.reply(u, 'booking_erased', b, not changes_it)
  end

  commands.erase_booking = { run = erase_booking, names_booking = true }
end
