-- book: takes a place of a slot at once, with no payment.
--
-- Command   {"book", event_id, booking_id, slot, start_ms, details, digest, phone, customer_id, address, key}
--           slot: its local date and time; start_ms: when that is, by the rules of the day
--           details: text about who comes, kept as it is; digest: of the request, to know a repeat from a misuse
--           phone: for which max_per_customer counts, as for the customer; empty where it does not
--           customer_id, address: the caller and its address; empty if unknown or not limited (18_limits.lua)
--           key: as in hold
-- Keys      events, pools, customers, bookings, slots, purges, unbooked:<event>:<booking_id>, key
-- Promise   The same booking_id again has no further effect and the same answer, also after the sale closed or the slot
--           began. After the booking was deleted, that is so while ended reservations are kept, or until the slot expires.
-- Results   {"rate_limited", who, retry_ms}      too fast
--           {"key_reused"}                       the booking_id was taken for another request, or the key for another event
--           {"out_of_memory"}                    Redis is too full to take anything
--           {"unknown_pool", 0}                  no such event, or it has no slots
--           {"sale_closed"}, {"sale_paused"}, {"not_on_sale_yet", opens_ms}   as in hold
--           {"slot_not_scheduled", slot}         the event has no such slot
--           {"slot_past"}                        the slot has begun
--           {"queue_required"}, {"not_your_turn", ahead}, {"pass_expired"}   as in hold
--           {"limit_exceeded", limit, taken}     the customer or the phone number has as many places as one may
--           {"slot_full", capacity}
--           {"again"}                            as slot_full or limit_exceeded, while expired holds are not all given back
--           {"booked", now_ms, replayed, booking}
-- Facts     booked
do
  local function book(u, command)
    local event, booking_id, slot, start_ms, details, digest, phone, customer =
      command[2], command[3], command[4], command[5], command[6], command[7], command[8], command[9]
    local field = event_field(u, event, booking_id)
    local before = u.bookings[field]
    if before then
      if before.digest ~= digest then
        return reply('key_reused')
      end
      return bookings.reply(u, 'booked', before, true)
    end
    if u.memory_full then
      return reply('out_of_memory')
    end
    local terms = unit_terms(u, event)
    if not slots.has_any(terms) then
      return reply('unknown_pool', 0)
    end
    local refusal = sale.refusal(u, terms) or slots.refusal(u, terms, slot, start_ms)
      or terms.room and rooms.refusal(u, event, customer, 1)
      or bookings.limit_refusal(u, event, terms, customer, phone) or slots.take(u, event, slot, start_ms)
    if refusal then
      return refusal
    end
    bookings.count(u, event, customer, phone, 1)
    if terms.room then
      rooms.took(u, event, customer, 1)
    end
    local b = {
      field = field, booking_id = booking_id, event = event, slot = slot, start_ms = start_ms, details = details,
      digest = digest, created_ms = u.now_ms, expires_ms = start_ms + u.booking_ms, state = 'booked', customer = customer,
      phone = phone,
    }
    bookings.change(u, 'booked', b)
    return bookings.reply(u, 'booked', b, false)
  end

  -- True unless it is a repeat, which only gets an answer.
  local function takes(u, command)
    return not u.bookings[event_field(u, command[2], command[3])]
  end

  commands.book = {
    run = book, names_booking = true, asks = { customer = 9, address = 10 }, keyed = { event = 2, key = 11 }, takes = takes,
  }
end
