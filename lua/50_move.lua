-- move: changes a booking: to another slot, other details, or both.
--
-- Command   {"move", event_id, booking_id, slot, start_ms, details, phone, changed_ms, customer_id, address}
--           slot, start_ms: as in book; an empty slot: it stays where it is. details: empty: they stay as they are, and so
--           does the phone number, which else goes with them
--           changed_ms: the state of the booking that the change was made from; 0: whatever it is
--           customer_id, address: as in book
-- Keys      events, pools, customers, bookings, slots, purges, unbooked:<event>:<booking_id>
-- Promise   One step: the old place is free if and only if the new one is taken, and details change with it or not at all.
--           Other details only are possible until the booking expires. What is as wished already changes nothing.
-- Results   {"rate_limited", who, retry_ms}      too fast
--           {"not_found"}                        no such booking
--           {"booking_expired"}
--           {"out_of_memory"}                    Redis is too full to take anything
--           {"sale_closed"}                      the event is cancelled; for another slot also as in hold
--           {"booking_changed"}                  it is in another state than changed_ms says
--           {"sale_paused"}, {"not_on_sale_yet", opens_ms}   as in hold, for another slot
--           {"slot_not_scheduled", slot}, {"slot_past"}   as in book, for another slot
--           {"queue_required"}, {"not_your_turn", ahead}, {"pass_expired"}   as in hold, for another slot;
--                                                not for a booking of no customer: nobody can wait for it
--           {"limit_exceeded", limit, taken}     the other phone number has as many places as one may
--           {"slot_full", capacity}
--           {"again"}                            as slot_full or limit_exceeded, while expired holds are not all given back
--           {"moved", now_ms, replayed, booking}
-- Facts     moved
do
  local function move(u, command)
    local b, refusal = bookings.live(u, command)
    if not b then
      return refusal
    end
    local slot, start_ms, details, phone, changed_ms = command[4], command[5], command[6], command[7], command[8]
    slot = slot ~= '' and slot or b.slot
    if details == '' then
      details, phone = b.details, b.phone
    end
    if slot == b.slot and details == b.details then
      return bookings.reply(u, 'moved', b, true)
    end
    if u.memory_full then
      return reply('out_of_memory')
    end
    local terms = unit_terms(u, b.event) or damaged('no terms of event ' .. u.digits[b.event])
    if terms.status == 'cancelled' then
      return reply('sale_closed')
    end
    if changed_ms > 0 and changed_ms ~= b.changed_ms then
      return reply('booking_changed')
    end
    local moves = slot ~= b.slot
    refusal = moves and (sale.refusal(u, terms) or slots.refusal(u, terms, slot, start_ms)
      or terms.room and b.customer ~= '' and rooms.refusal(u, b.event, b.customer, 0))
      or phone ~= b.phone and bookings.limit_refusal(u, b.event, terms, '', phone)
      or moves and slots.take(u, b.event, slot, start_ms)
    if refusal then
      return refusal
    end
    if moves then
      slots.free(u, b)
      b.slot, b.start_ms, b.expires_ms = slot, start_ms, start_ms + u.booking_ms
    end
    if phone ~= b.phone then
      bookings.count(u, b.event, '', b.phone, -1)
      bookings.count(u, b.event, '', phone, 1)
    end
    b.details, b.phone = details, phone
    bookings.change(u, 'moved', b)
    return bookings.reply(u, 'moved', b, false)
  end

  local function takes()
    return true
  end

  commands.move = { run = move, names_booking = true, asks = { customer = 9, address = 10 }, takes = takes }
end
