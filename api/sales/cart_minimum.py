"""The least places of a ticket: a cart takes seats one by one, so they are counted when it is booked."""

from collections import Counter

from aiohttp import web

from api.app_keys import ENGINE
from api.catalogue.cache import CATALOGUE
from api.http.problems import invalid
from api.sales.cart_view import carts_of_caller
from engine.carts import CartState
from engine.commands.reservations import Find
from engine.results.reservations import Found
from engine.words import State


async def check_minimum(request: web.Request, cart_id: str) -> None:
    """Raises Problem invalid if an open cart has fewer places of a ticket than it is sold in; Fault."""
    catalogue = request.app[CATALOGUE]
    if not catalogue.with_minimum:
        return
    cart = await carts_of_caller(request).read(cart_id)
    for event_id in cart.event_ids if cart.state is CartState.OPEN else []:
        event = await catalogue.event(event_id) if event_id in catalogue.with_minimum else None
        found = event and await request.app[ENGINE].submit(Find(cart.reservation_id(event_id)))
        if event is None or not isinstance(found, Found) or found.record.state is not State.HELD:
            continue
        places: Counter[int] = Counter()
        for line in found.record.lines:
            places[line.ticket_id] += line.quantity
        for ticket in event.tickets:
            if 0 < places[ticket.ticket_id] < ticket.min_quantity:
                message = (
                    f"has {places[ticket.ticket_id]} places of ticket {ticket.ticket_id}, which is sold from "
                    f"{ticket.min_quantity} on; add more, or take them out"
                )
                raise invalid("", message, of="the cart")
