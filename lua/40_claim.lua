-- claim: gives a hold to another customer: that of a cart that had none.
--
-- Command   {"claim", rid, customer_id}
-- Keys      events, pools, slots, customers, bookings, purges, ledger, deadlines, unsettled, hold:<rid>, queue:<event>...
-- Promise   All of its places count for the customer from then on, or none does. Again: the same answer. In a waiting room
--           they count for the customer's pass, too, if that had begun before the hold, and may be more than it buys.
-- Results   {"not_found"}
--           {"expired"}, {"already_paid"}, {"already_cancelled"}, {"not_held"}
--           {"limit_exceeded", limit, taken}   more than one customer may have of the event
--           {"held_unbought", who, most, places, hold_ms, retry_ms}   the customer has held too much (19_hoarding.lua)
--           {"again"}                          as the last two, while expired holds are not all given back
--           {"held", now_ms, replayed, record}   held, or being paid for
-- Facts     changed
do
  local function claim(u, command)
    local r, customer = unit_record(u, command[2]), command[3]
    if not r then
      return reply('not_found')
    end
    local refusal = r.state ~= 'paying' and changes.refusal(r)
    if refusal then
      return refusal
    end
    if r.customer == customer then
      return reply_record(u, 'held', r, true)
    end
    local terms, places = unit_terms(u, r.event) or damaged('no terms of event ' .. u.digits[r.event]), record_places(r)
    refusal = bookings.refusal_of_more(u, r.event, terms, customer, places)
      or u.hoards and hoarding.refusal_of_claim(u, r, customer, places, terms)
    if refusal then
      return refusal
    end
    unit_add_customer_places(u, r.event, r.customer, -places)
    unit_add_customer_places(u, r.event, customer, places)
    if u.limits then
      limits.hold_ended(u, r)
      limits.hold_began(u, event_field(u, r.event, customer), r.deadline_ms)
    end
    if u.hoards then
      hoarding.holder_changed(u, r, customer)
    end
    if terms.room and r.digest ~= OFFER_DIGEST then
      rooms.took_over(u, r.event, customer, r.created_ms, places)
    end
    r.customer = customer
    unit_change(u, r)
    unit_fact(u, 'changed', r)
    return reply_record(u, 'held', r, false)
  end

  commands.claim = { run = claim, names_reservation = true }
end
