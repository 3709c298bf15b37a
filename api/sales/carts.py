"""Carts: places of several events, held and booked as one."""

from functools import partial
from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web
from aiojobs.aiohttp import shield
from msgspec import Meta

from api.access.callers import caller_of
from api.access.client_address import limited_address
from api.access.code_guesses import CODE_GUESSES
from api.access.named_customer import CustomerBody
from api.access.rate_limit_headers import tell_rates
from api.app_keys import CARTS, ENGINE, SETTINGS
from api.catalogue.cache import CATALOGUE
from api.catalogue.events import find_event, is_shown, no_event
from api.catalogue.schedule import SlotText
from api.catalogue.seating import Seating
from api.engine_problems import WishedSlot, code_of, problem_of
from api.http.problems import Code, Problem, invalid, not_found
from api.http.replies import Reply, json_reply
from api.http.requests import DatabaseId, read_body, read_no_body
from api.http.text import NamedCode
from api.idempotency import once
from api.metrics import METRICS
from api.sales.cart_minimum import check_minimum
from api.sales.cart_removals import remove_ticket
from api.sales.cart_view import (
    cart_reply,
    carts_of_caller,
    check_events_of_cart,
    items_of_caller,
    not_joined,
    path_cart_id,
    render_cart,
    show_cart,
)
from api.sales.expected_total import ExpectedTotal, expected_minor
from api.sales.items import slot_wanted
from api.sales.schemas import BookedCart
from api.sales.views import CustomerDetails
from engine.carts import Cart
from engine.catalogue import EventSnapshot, TicketSnapshot
from engine.commands.items import BestSeats, Item, NamedSeats, TimedPlaces
from engine.commands.reservations import Find
from engine.results.codes import CodeUnknown
from engine.results.payments import PaymentSettled
from engine.results.reservations import AlreadyCancelled, Expired, Found, NotFound, NotHeld
from engine.seats import section_pool
from engine.slots import slot_pool
from engine.words import State
from payments.cart_items import Added, NewItem, NotJoined

_NOBODY = CustomerBody()


class CartItemBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/orders/carts/{cart_id}: a seat, or places that are all alike. `price_id` is a ticket's id.

    Of places that are all alike the cart then has `quantity`; 0 takes them out. Of a timed ticket `slot` names the
    slot, by its local start; places of other slots stay. With `best_available` the cart then has `quantity` seats of
    the ticket. The new ones are the best available; with `together`, they are side by side, or there are none.
    `expected_total` is of this item.
    `customer`: the cart's owner, named with its first item. `code`: the code whose terms apply to the places; a cart
    has one.
    """

    event_id: DatabaseId
    price_id: DatabaseId
    seat_id: DatabaseId | None = None
    quantity: Annotated[int, Meta(ge=0, le=100)] | None = None
    best_available: bool = False
    together: bool = False
    slot: SlotText | None = None
    expected_total: ExpectedTotal | None = None
    customer: CustomerBody | None = None
    code: NamedCode | None = None

    EXAMPLE: ClassVar[Any] = {"event_id": 3, "price_id": 5, "seat_id": 101}


_ITEM = msgspec.json.Decoder(CartItemBody)


async def read_cart(request: web.Request) -> Reply:
    """GET /v1/orders/carts/{cart_id}: reads the contents of a cart, of all events."""
    cart_id = path_cart_id(request)
    await check_events_of_cart(request, cart_id)
    return json_reply(await show_cart(request, await carts_of_caller(request).read(cart_id)))


async def add_to_cart(request: web.Request) -> Reply:
    """POST /v1/orders/carts/{cart_id}: takes a seat, or places, into the cart; again: the same answer.

    What is held keeps its price. Of places that are all alike a quantity of 0 takes them out.
    """
    cart_id = path_cart_id(request)
    body = await read_body(request, _ITEM)
    await check_events_of_cart(request, cart_id, body.event_id)  # before a repeat of the key is answered
    act, render = partial(_add_item, request, cart_id, body), partial(render_cart, request)
    tag = cart_id if request.app[ENGINE].redis.is_cluster else ""
    return await once(request, f"cart {cart_id}", body, act, render, tag=tag)


async def _add_item(request: web.Request, cart_id: str, body: CartItemBody) -> Reply:
    request.app[ENGINE].check_room(body.event_id)
    caller, customer = caller_of(request), body.customer or _NOBODY
    buyer = caller.owner if body.customer is None else caller.acts_for(customer.id or None, "customer.id")
    catalogue = request.app[CATALOGUE]
    event = await find_event(request, body.event_id)
    if not is_shown(request, event):
        raise no_event(event.event_id)
    seating = await catalogue.seating(event)
    await check_events_of_cart(request, cart_id, event.event_id)
    item = _engine_item(body, event, seating, request.app[SETTINGS].slot_horizon_days)
    if body.quantity == 0:
        pool = slot_pool(item.slot) if isinstance(item, TimedPlaces) else ""
        return await remove_ticket(request, cart_id, event.event_id, body.price_id, pool)
    if isinstance(item, BestSeats):
        missing = item.quantity - await _seats_in_cart(request, cart_id, event.event_id, item.ticket_id)
        if missing < 0:
            raise invalid("quantity", "the cart has more seats of the ticket; take out those that are not wanted")
        if not missing:
            return await cart_reply(request, await carts_of_caller(request).read(cart_id), changed=False)
        item = msgspec.structs.replace(item, quantity=missing)
    new = NewItem(
        *(event.event_id, event.hold_seconds * 1000, item),
        msgspec.json.encode(CustomerDetails(customer.first_name, customer.last_name)).decode(),
        limited_address(request),
        expected_minor(body.expected_total, event.currency),
        buyer,
        event.currency,
        body.code or "",
    )
    if body.code is not None:
        request.app[CODE_GUESSES].check(request)
    added = await items_of_caller(request).add(cart_id, new)
    match added:
        case NotJoined():
            raise not_joined(added)
        case Added():
            tell_rates(request, added.held)
            return await cart_reply(request, added.cart, changed=not added.held.replayed)
        case _:
            tell_rates(request, added)
            if isinstance(added, CodeUnknown):
                request.app[CODE_GUESSES].failed(request)
            request.app[METRICS].count_refused_hold(event.event_id, code_of(added))
            raise problem_of(added, seating, WishedSlot(body.slot, ("slot",)) if body.slot else None)


async def _seats_in_cart(request: web.Request, cart_id: str, event_id: int, ticket_id: int) -> int:
    """The number of seats of a ticket that an open cart has. Raises Fault."""
    cart = await carts_of_caller(request).read(cart_id)
    if event_id not in cart.parts:
        return 0
    found = await request.app[ENGINE].submit(Find(cart.reservation_id(event_id)))
    if not isinstance(found, Found) or found.record.state is not State.HELD:
        return 0
    return sum(line.quantity for line in found.record.lines if line.ticket_id == ticket_id)


async def book_cart(request: web.Request) -> Reply:
    """PUT /v1/orders/carts/{cart_id}/book: pins everything for one payment, or nothing.

    What costs nothing is sold at once.
    """
    cart_id = path_cart_id(request)
    await read_no_body(request)
    await check_events_of_cart(request, cart_id)
    await check_minimum(request, cart_id)
    booked = await shield(request, request.app[CARTS].book(cart_id, caller_of(request).owner))
    match booked:
        case Cart():
            return json_reply(BookedCart(booked.payment_id))
        case NotFound():
            raise not_found(f"cart {cart_id}")
        case Expired() | AlreadyCancelled():
            raise Problem(
                Code.NOT_HELD,
                "The cart's holds expired or were cancelled; add an item to start a new cart.",
            )
        case NotHeld():
            raise Problem(Code.NOT_HELD, "The cart is empty; add a place first.")
        case PaymentSettled():
            raise Problem(Code.PAYMENT_SETTLED, "The payment of this cart failed; add an item to start a new cart.")
        case _:
            raise problem_of(booked)


def _engine_item(
    body: CartItemBody, event: EventSnapshot, seating: Seating | None, horizon_days: int
) -> tuple[int, int] | Item:
    """The item in the engine's terms.

    Raises Problem: invalid, slot_not_scheduled, or not_found for a ticket or seat that is not offered.
    """
    ticket = event.ticket_by_id.get(body.price_id)
    if ticket is None:
        raise not_found(f"ticket {body.price_id} of event {event.event_id}")
    if body.slot is not None and not ticket.timed:
        raise invalid("slot", "the ticket is not timed; leave it out")
    if ticket.assigned:
        return _seats(body, ticket, seating)
    if body.seat_id is not None:
        raise invalid("seat_id", "the ticket has no assigned seats; give its quantity")
    if body.best_available or body.together:
        field = "best_available" if body.best_available else "together"
        raise invalid(field, "the ticket has no assigned seats; give its quantity")
    if body.quantity is None:
        raise invalid("quantity", "required, but missing")
    return _timed_item(body, event, body.quantity, horizon_days) if ticket.timed else (body.price_id, body.quantity)


def _seats(body: CartItemBody, ticket: TicketSnapshot, seating: Seating | None) -> NamedSeats | BestSeats:
    """The seat that is named, or as many as the cart is to have. Raises Problem: invalid, or not_found."""
    if body.best_available:
        if body.seat_id is not None:
            raise invalid("seat_id", "name a seat or ask for the best available, not both")
        if not body.quantity:
            raise invalid("quantity", "required with best_available, and at least 1")
        return BestSeats(ticket.ticket_id, body.quantity, body.together)
    if body.together:
        raise invalid("together", "goes with best_available")
    if body.quantity is not None:
        raise invalid("quantity", "the ticket has assigned seats; name one seat")
    if body.seat_id is None:
        raise invalid("seat_id", "required, but missing")
    found = seating.section_of(body.seat_id, ticket.section_ids) if seating else None
    if found is None:
        raise not_found(f"seat {body.seat_id} of ticket {ticket.ticket_id}")
    return NamedSeats(ticket.ticket_id, 1, section_pool(found[0]), [found[1]])


def _timed_item(body: CartItemBody, event: EventSnapshot, quantity: int, horizon_days: int) -> TimedPlaces:
    return TimedPlaces(body.price_id, quantity, *slot_wanted(body.slot, event, "slot", horizon_days))
