"""Defects of waiting lists in the library, for plays that are to find them: a name, a text, and what replaces it."""

DEFECTS_OF_WAITING_LISTS: list[tuple[str, str, str]] = [
    (
        "what returns is for sale",
        "pool.aside, pool.available, returned = pool.aside + pool.available - base, base, true",
        "returned = true",
    ),
    (
        "what returns is not offered",
        "if set_aside(list) or list.unserved or list.waiting > 0 and list.served_facts ~= u.facts then",
        "set_aside(list)\n      if false then",
    ),
    ("the last in line is served first", "elseif not best or entry.number < best.number", "elseif true"),
    ("who waits for more is passed over", "if not terms.waiting[3] then", "if false then"),
    ("gaps are not filled", "if not terms.waiting[3] then", "if true then"),
    (
        "an offer does not count for its customer",
        "unit_add_customer_places(u, list.event, entry.customer",
        "unit_add_customer_places(u, list.event, 'x'",
    ),
    ("what was for sale is set aside", "lined.before = math.max(0, lined.before - line[LINE_QUANTITY])", ""),
    ("who is offered places goes on waiting", "    leave(list, entry)\n    for _, line", "    for _, line"),
    ("a declined offer stays offered", "    waitlists.offer_ended(u, r, (state", "    local _ = (u and (state"),
    ("a list that has ended goes on", "terms.waiting[2] > 0 and u.now_ms >= terms.waiting[2] or", "false or"),
    (
        "an offer exceeds the customer's limit",
        "or unit_customer(u, entry.event, entry.customer) + entry.quantity > terms.max_per_customer",
        "or false",
    ),
    (
        "who took too many blocks the line",
        "list.unserved or list.waiting > 0 and list.served_facts ~= u.facts then",
        "list.unserved then",
    ),
    ("a paused sale makes offers", "elseif not sale.refusal(u, terms) then", "else"),
    ("an offer that is paid for stays offered", "waitlists.offer_ended(u, r, from and 'taken' or 'ended')", ""),
    (
        "an offer lasts as long as any hold",
        "u.now_ms + terms.waiting[1], 'offered'",
        "u.now_ms + terms.hold_ms, 'offered'",
    ),
    ("an offer is changed to other places", "if has_more and r.digest == OFFER_DIGEST then", "if false then"),
    ("who waits may have more than the limit", "taken + quantity > terms.max_per_customer then", "false then"),
    ("nobody has to wait and does", "if not paused and available >= quantity then", "if false then"),
    ("two tickets have lines of their own", "          blocked[name] = true\n", ""),
    (
        "places of the line end with the list",
        "pool.available, pool.aside = pool.available + pool.aside, nil",
        "pool.aside = nil",
    ),
    ("places of a paused ticket are set aside though another sells them", "        paused[name] = nil\n", ""),
    (
        "customers wait for a ticket whose window is over",
        "if refusal and refusal ~= reply('sale_paused') then",
        "if false then",
    ),
    ("customers wait for fewer places than the ticket is sold in", "if too_few then", "if false then"),
    ("fewer places are offered than the ticket is sold in", "own and entry.quantity < own.min_quantity or", "false or"),
    ("an offer is not told", "    change(u, list, entry, 'offered')\n", "    list.changed[entry.id] = true\n"),
]
