"""Taking things out of carts: a seat, the places of a ticket, or all there is."""

from aiohttp import web

from api.catalogue.cache import CATALOGUE
from api.engine_problems import problem_of
from api.http.problems import Code, Problem, not_found
from api.http.replies import Reply, no_content
from api.http.requests import path_id
from api.sales.cart_view import (
    cart_expired,
    cart_reply,
    carts_of_caller,
    check_events_of_cart,
    items_of_caller,
    not_joined,
    path_cart_id,
    refuse_gone,
)
from engine.carts import Cart, CartWord
from engine.commands.holds import Remove, RemovePlaces
from engine.results.reservations import Expired, NotHeld
from engine.seats import section_pool
from payments.cart_items import NotJoined


async def remove_from_cart(request: web.Request) -> Reply:
    """DELETE /v1/orders/carts/{cart_id}/events/{event_id}/seats/{seat_id}: takes a seat out of the cart."""
    cart_id = path_cart_id(request)
    event_id, seat_id = path_id(request, "event_id", "event"), path_id(request, "seat_id", "seat")
    catalogue = request.app[CATALOGUE]
    event = await catalogue.event(event_id)
    if event is None:
        raise not_found(f"event {event_id}")
    seating = await catalogue.seating(event)
    sections = [section_id for ticket in event.tickets for section_id in ticket.section_ids]
    found = seating.section_of(seat_id, sections) if seating else None
    if found is None:
        raise not_found(f"seat {seat_id} of event {event_id}")
    await check_events_of_cart(request, cart_id)
    what = f"Seat {seat_id} is not in the cart."
    cart = await _cart_with(request, cart_id, event_id, what)
    remove = Remove(cart.reservation_id(event_id), section_pool(found[0]), [found[1]])
    return await _remove(request, cart, event_id, remove, what)


async def remove_ticket_from_cart(request: web.Request) -> Reply:
    """DELETE /v1/orders/carts/{cart_id}/events/{event_id}/tickets/{ticket_id}: takes places out of the cart.

    All places of the ticket that are alike; seats are taken out one by one.
    """
    cart_id = path_cart_id(request)
    event_id, ticket_id = path_id(request, "event_id", "event"), path_id(request, "ticket_id", "ticket")
    event = await request.app[CATALOGUE].event(event_id)
    if event is None or ticket_id not in event.ticket_by_id:
        raise not_found(f"ticket {ticket_id} of event {event_id}")
    await check_events_of_cart(request, cart_id)
    return await remove_ticket(request, cart_id, event_id, ticket_id)


async def remove_ticket(request: web.Request, cart_id: str, event_id: int, ticket_id: int, pool: str = "") -> Reply:
    """Takes the places of a ticket that are all alike out of a cart; `pool`: only those of one slot. Raises Problem."""
    what = f"No places of ticket {ticket_id} are in the cart."
    cart = await _cart_with(request, cart_id, event_id, what)
    return await _remove(request, cart, event_id, RemovePlaces(cart.reservation_id(event_id), ticket_id, pool), what)


async def discard_cart(request: web.Request) -> Reply:
    """DELETE /v1/orders/carts/{cart_id}: gives everything back, or nothing if a part is paid for; again is fine."""
    cart_id = path_cart_id(request)
    await check_events_of_cart(request, cart_id)
    refusal = await items_of_caller(request).discard(cart_id)
    if isinstance(refusal, NotJoined):
        raise not_found(f"cart {cart_id}") if refusal.word is CartWord.OTHER else not_joined(refusal)
    if refusal is not None:
        raise problem_of(refusal)
    return no_content()


async def _cart_with(request: web.Request, cart_id: str, event_id: int, what: str) -> Cart:
    """The cart, if it has anything of the event. Raises Problem."""
    cart = await carts_of_caller(request).read(cart_id)
    refuse_gone(cart)
    if event_id not in cart.parts:
        raise Problem(Code.NOT_HELD, what)
    return cart


async def _remove(request: web.Request, cart: Cart, event_id: int, command: Remove | RemovePlaces, what: str) -> Reply:
    """Takes it out; with the last place of an event the event. Raises Problem: `what` where it is not there."""
    match await items_of_caller(request).remove(cart, event_id, command):
        case Cart() as left:
            return await cart_reply(request, left)
        case NotHeld():
            raise Problem(Code.NOT_HELD, what)
        case Expired():
            raise cart_expired()
        case refusal:
            raise problem_of(refusal)
