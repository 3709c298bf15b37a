"""Defects of waiting lists in the library, for plays that are to find them."""

from typing import NamedTuple


class Defect(NamedTuple):
    """A text of the library, what it is replaced by, and the first play that finds it (`purposeful_plays`)."""

    name: str
    play: str
    text: str
    instead: str


DEFECTS_OF_WAITING_LISTS: list[Defect] = [
    Defect(
        "what returns is for sale",
        "cancel 3 False",
        "pool.aside, pool.available, returned = pool.aside + pool.available - base, base, true",
        "returned = true",
    ),
    Defect(
        "what returns is not offered",
        "cancel 1 False",
        "if set_aside(list) or list.unserved or list.waiting > 0 and list.served_facts ~= u.facts then",
        "set_aside(list)\n      if false then",
    ),
    Defect(
        "the last in line is served first",
        "one line 2 False",
        "elseif not best or entry.number < best.number",
        "elseif true",
    ),
    Defect("who waits for more is passed over", "cancel 3 False", "if not terms.waiting[3] then", "if false then"),
    Defect("gaps are not filled", "cancel 3 True", "if not terms.waiting[3] then", "if true then"),
    Defect(
        "an offer does not count for its customer",
        "cancel 1 False",
        "unit_add_customer_places(u, list.event, entry.customer",
        "unit_add_customer_places(u, list.event, 'x'",
    ),
    Defect(
        "what was for sale is set aside",
        "for sale",
        "lined.before = math.max(0, lined.before - line[LINE_QUANTITY])",
        "",
    ),
    Defect(
        "who is offered places goes on waiting",
        "cancel 1 False",
        "    leave(list, entry)\n    for _, line",
        "    for _, line",
    ),
    Defect(
        "a declined offer stays offered",
        "cancel 1 False",
        "    waitlists.offer_ended(u, r, (state",
        "    local _ = (u and (state",
    ),
    Defect(
        "a list that has ended goes on",
        "stops False True",
        "terms.waiting[2] > 0 and u.now_ms >= terms.waiting[2] or",
        "false or",
    ),
    Defect(
        "an offer exceeds the customer's limit",
        "too many False False",
        "or unit_customer(u, entry.event, entry.customer) + entry.quantity > terms.max_per_customer",
        "or false",
    ),
    Defect(
        "who took too many blocks the line",
        "too many False True",
        "list.unserved or list.waiting > 0 and list.served_facts ~= u.facts then",
        "list.unserved then",
    ),
    Defect("a paused sale makes offers", "stops True False", "elseif not sale.refusal(u, terms) then", "else"),
    Defect(
        "an offer that is paid for stays offered", "pay", "waitlists.offer_ended(u, r, from and 'taken' or 'ended')", ""
    ),
    Defect(
        "an offer lasts as long as any hold",
        "expire",
        "u.now_ms + terms.waiting[1], 'offered'",
        "u.now_ms + terms.hold_ms, 'offered'",
    ),
    Defect(
        "an offer is changed to other places",
        "shrink",
        "if has_more and r.digest == OFFER_DIGEST then",
        "if false then",
    ),
    Defect(
        "who waits may have more than the limit",
        "limit",
        "taken + quantity > terms.max_per_customer then",
        "false then",
    ),
    Defect("nobody has to wait and does", "left", "if not paused and available >= quantity then", "if false then"),
    Defect("two tickets have lines of their own", "one line 2 False", "          blocked[name] = true\n", ""),
    Defect(
        "places of the line end with the list",
        "cancel 3 False",
        "pool.available, pool.aside = pool.available + pool.aside, nil",
        "pool.aside = nil",
    ),
    Defect(
        "places of a paused ticket are set aside though another sells them", "own 0", "        paused[name] = nil\n", ""
    ),
    Defect(
        "customers wait for a ticket whose window is over",
        "own 2",
        "if refusal and refusal ~= reply('sale_paused') then",
        "if false then",
    ),
    Defect("customers wait for fewer places than the ticket is sold in", "own 4", "if too_few then", "if false then"),
    Defect(
        "fewer places are offered than the ticket is sold in",
        "own 4",
        "own and entry.quantity < own.min_quantity or",
        "false or",
    ),
    Defect(
        "an offer is not told",
        "cancel 1 False",
        "    change(u, list, entry, 'offered')\n",
        "    list.changed[entry.id] = true\n",
    ),
]
