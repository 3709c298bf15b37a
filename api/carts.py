"""Carts: places of several events, held and booked as one."""

import asyncio
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from aiojobs.aiohttp import shield
from msgspec import Meta

from api import answers
from api.addresses import limited_address
from api.answers import BookedCart, CartItem
from api.bodies import DatabaseId, path_id, read_body, read_no_body
from api.callers import caller_of
from api.idempotency import once
from api.keys import CARTS, CATALOGUE, ENGINE, POSTGRES
from api.problems import Code, Problem, invalid, not_found
from api.rates import tell_rates
from api.refusals import problem_of, seat_taken
from api.replies import Reply, json_reply
from api.seating import Seating
from api.times import rfc3339
from api.views import cart_items, money
from engine.carts import MAX_EVENTS, Cart, Carts, CartState, CartWord, cart_id_of
from engine.catalogue import EventSnapshot
from engine.commands import Add, AddResult, Cancel, Find, Item, NamedSeats, Remove
from engine.engine import Engine
from engine.records import Record
from engine.results import (
    AlreadyCancelled,
    AlreadyPaid,
    Expired,
    Found,
    Held,
    NotFound,
    NotHeld,
    PaymentInProgress,
    PaymentSettled,
    SeatTaken,
)
from engine.seats import section_pool
from engine.words import State
from sync.carts import attempt_of
from sync.reservations import get_reservation

_DETAILS = '{"first_name":null,"last_name":null}'
"""What a cart tells about its customer."""

_TRIES = 3
"""How often a cart is joined again that changed while a place was taken into it."""

_LOOKS = 50
_PAUSE_SECONDS = 0.02
"""How often a booking that is under way is looked at, and the pause between."""


class CartItemBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/orders/carts/{cart_id}: a seat, or places that are all alike. `price_id` is a ticket's id."""

    event_id: DatabaseId
    price_id: DatabaseId
    seat_id: DatabaseId | None = None
    quantity: Annotated[int, Meta(ge=1, le=100)] | None = None


_ITEM = msgspec.json.Decoder(CartItemBody)
_STATUS: dict[CartState, Literal["open", "booked", "completed", "failed"]] = {
    CartState.OPEN: "open",
    CartState.BOOKING: "open",  # it may still be refused
    CartState.BOOKED: "booked",
    CartState.COMPLETED: "completed",
    CartState.FAILED: "failed",
}

_LIVE = (State.HELD, State.PAYING, State.PAID)


async def read_cart(request: web.Request) -> Reply:
    """GET /v1/orders/carts/{cart_id}: what is in a cart, of all events."""
    cart_id = _cart_id(request)
    await _check_events(request, cart_id)
    return json_reply(await _show(request, await _carts(request).read(cart_id)))


async def add_to_cart(request: web.Request) -> Reply:
    """POST /v1/orders/carts/{cart_id}: takes a seat, or places, into the cart; again: the same answer."""
    cart_id = _cart_id(request)
    body = await read_body(request, _ITEM)
    return await once(request, f"cart {cart_id}", body, lambda: _add_item(request, cart_id, body))


async def _add_item(request: web.Request, cart_id: str, body: CartItemBody) -> Reply:
    request.app[ENGINE].check_room(body.event_id)
    catalogue = request.app[CATALOGUE]
    event = await catalogue.event(body.event_id)
    if event is None:
        raise not_found(f"event {body.event_id}")
    seating = await catalogue.seating(event)
    await _check_events(request, cart_id, event.event_id)
    cart = await _add(request, cart_id, event, _engine_item(body, event, seating), seating)
    return json_reply(await _show(request, cart))


async def remove_from_cart(request: web.Request) -> Reply:
    """DELETE /v1/orders/carts/{cart_id}/events/{event_id}/seats/{seat_id}: takes a seat out of the cart."""
    cart_id = _cart_id(request)
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
    await _check_events(request, cart_id)
    carts = _carts(request)
    cart = await carts.read(cart_id)
    _refuse_gone(cart)
    if event_id not in cart.event_ids:
        raise _not_in_cart(seat_id)
    if await _has_lost(request.app[ENGINE], cart):
        raise _expired()
    result = await request.app[ENGINE].submit(Remove(cart.reservation_id(event_id), section_pool(found[0]), [found[1]]))
    if isinstance(result, NotHeld | NotFound | AlreadyCancelled):
        raise _not_in_cart(seat_id)
    if not isinstance(result, Held):
        raise _expired() if isinstance(result, Expired) else problem_of(result)
    return json_reply(await _show(request, await carts.read(cart_id)))


async def book_cart(request: web.Request) -> Reply:
    """PUT /v1/orders/carts/{cart_id}/book: pins everything for one payment, or nothing."""
    cart_id = _cart_id(request)
    await read_no_body(request)
    await _check_events(request, cart_id)
    booked = await shield(request, request.app[CARTS].book(cart_id, caller_of(request).owner))
    match booked:
        case Cart():
            return json_reply(BookedCart(booked.payment_id))
        case NotFound():
            raise not_found(f"cart {cart_id}")
        case Expired() | AlreadyCancelled():
            raise Problem(
                Code.NOT_HELD,
                "The cart's holds ran out or were cancelled, nothing is pinned; a new item starts it anew.",
            )
        case NotHeld():
            raise Problem(Code.NOT_HELD, "There is nothing in the cart; take a place first.")
        case PaymentSettled():
            raise Problem(Code.PAYMENT_SETTLED, "The payment of this cart failed; a new item starts the cart anew.")
        case _:
            raise problem_of(booked)


async def _add(
    request: web.Request, cart_id: str, event: EventSnapshot, item: tuple[int, int] | Item, seating: Seating | None
) -> Cart:
    """Takes an item into the cart's reservation of the event; the cart as it is then."""
    engine = request.app[ENGINE]
    carts, gone = _carts(request), 0
    for _ in range(_TRIES):
        word, cart = await carts.join(cart_id, event.event_id, event.hold_seconds * 1000, gone)
        if word is not CartWord.OK:
            raise _not_joined(word, cart)
        reservation_id, left_ms = cart.reservation_id(event.event_id), cart.deadline_ms - cart.now_ms
        address = limited_address(request)
        add = Add(reservation_id, event.event_id, cart.customer_id, _DETAILS, item, left_ms, address)
        result = Expired() if await _has_lost(engine, cart) else await engine.submit(add)
        tell_rates(request, result)
        if isinstance(result, Expired | AlreadyCancelled):
            # The cart begins anew; what else it has is given back now rather than later.
            gone = cart.generation
            await asyncio.gather(*(engine.submit(Cancel(one)) for one in cart.reservation_ids))
        elif not isinstance(result, Held):
            if isinstance(await engine.submit(Find(reservation_id)), NotFound):
                await carts.leave(cart, event.event_id)
            raise _refused(result, seating)
        else:
            now = await _after_booking(carts, cart_id)
            if now.generation == cart.generation and event.event_id in now.event_ids:
                if now.state is CartState.OPEN or await _has_booked(engine, now, reservation_id):
                    return now
                await engine.submit(Cancel(reservation_id))  # all that is in it came too late
                raise problem_of(PaymentInProgress())
            await engine.submit(Cancel(reservation_id))  # the cart began anew meanwhile, without this
    raise Problem(Code.UNAVAILABLE, "The cart changes all the time; try again.")


async def _after_booking(carts: Carts, cart_id: str) -> Cart:
    """The cart as soon as no booking is under way: whether that has what was added just now is not known before."""
    for _ in range(_LOOKS):
        cart = await carts.read(cart_id)
        if cart.state is not CartState.BOOKING:
            return cart
        await asyncio.sleep(_PAUSE_SECONDS)
    raise Problem(Code.UNAVAILABLE, "The cart is being booked; try again.")


async def _has_lost(engine: Engine, cart: Cart) -> bool:
    """Whether an open cart of several events is at its end: what it held of one ran out earlier than the rest."""
    if _STATUS[cart.state] != "open" or len(cart.event_ids) == 1:
        return False
    found = await asyncio.gather(*(engine.submit(Find(one)) for one in cart.reservation_ids))
    return any(isinstance(each, Found) and _is_lost(each.record) for each in found)


async def _has_booked(engine: Engine, cart: Cart, reservation_id: str) -> bool:
    found = await engine.submit(Find(reservation_id))
    return isinstance(found, Found) and attempt_of(found.record, cart.payment_id) is not None


def _engine_item(body: CartItemBody, event: EventSnapshot, seating: Seating | None) -> tuple[int, int] | Item:
    """What the engine is asked for. Raises Problem invalid, or not_found for a ticket or seat that is not offered."""
    ticket = event.ticket_by_id.get(body.price_id)
    if ticket is None:
        raise not_found(f"ticket {body.price_id} of event {event.event_id}")
    if ticket.timed:
        raise invalid("price_id", "the ticket is timed; take it with POST /v1/reservations, which names the slot")
    if not ticket.section_ids:
        if body.seat_id is not None:
            raise invalid("seat_id", "the ticket has no assigned seats; give its quantity")
        if body.quantity is None:
            raise invalid("quantity", "required, but missing")
        return ticket.ticket_id, body.quantity
    if body.quantity is not None:
        raise invalid("quantity", "the ticket has assigned seats; name one seat")
    if body.seat_id is None:
        raise invalid("seat_id", "required, but missing")
    found = seating.section_of(body.seat_id, ticket.section_ids) if seating else None
    if found is None:
        raise not_found(f"seat {body.seat_id} of ticket {ticket.ticket_id}")
    return NamedSeats(ticket.ticket_id, 1, section_pool(found[0]), [found[1]])


async def _show(request: web.Request, cart: Cart) -> answers.Cart:
    """A cart as the API shows it. Raises Problem not_found, or expired if it, or one of its holds, ran out."""
    _refuse_gone(cart)
    catalogue, status = request.app[CATALOGUE], _STATUS[cart.state]
    is_open = status == "open"
    records = await asyncio.gather(*(_record(request, cart, one) for one in cart.reservation_ids))
    items: list[CartItem] = []
    for record in records:
        if record is None:
            continue
        if is_open and _is_lost(record):
            raise _expired()
        if record.state in _LIVE if is_open else attempt_of(record, cart.payment_id):
            event = await catalogue.event(record.event_id)
            items += cart_items(record, event, await catalogue.seating(event) if event else None)
    return answers.Cart(
        id=cart.cart_id,
        status=status,
        items=items,
        total=money(sum(item.quantity * item.unit_price.amount for item in items)),
        expires_at=rfc3339(cart.deadline_ms) if is_open else None,
        payment_id=None if is_open else cart.payment_id,
    )


async def _record(request: web.Request, cart: Cart, reservation_id: str) -> Record | None:
    """A reservation of the cart; of one that ended long ago as Postgres has it."""
    found = await request.app[ENGINE].submit(Find(reservation_id))
    if isinstance(found, Found):
        return found.record
    if not cart.is_settled:
        return None
    archived = await get_reservation(request.app[POSTGRES], reservation_id)
    return archived.record if archived else None


def _cart_id(request: web.Request) -> str:
    cart_id = cart_id_of(request.match_info["cart_id"])
    if cart_id is None:
        raise not_found(f"cart {request.match_info['cart_id']!r}: its id is a UUID")
    return cart_id


def _carts(request: web.Request) -> Carts:
    """The carts that the caller finds."""
    return Carts(request.app[ENGINE], caller_of(request).owner)


async def _check_events(request: web.Request, cart_id: str, *event_ids: int) -> None:
    """Raises Problem forbidden if a manager's token is not good for these events, or for one that the cart has."""
    caller = caller_of(request)
    if caller.events is not None:
        caller.check_events([*event_ids, *(await _carts(request).read(cart_id)).event_ids])


def _refuse_gone(cart: Cart) -> None:
    """Raises Problem not_found or expired."""
    if cart.state is CartState.NONE or not cart.deadline_ms:
        raise not_found(f"cart {cart.cart_id}")
    if cart.ran_out:
        raise _expired()


def _is_lost(record: Record) -> bool:
    """Whether it ran out with something in it."""
    return record.state is State.EXPIRED and bool(record.lines)


def _expired() -> Problem:
    return Problem(Code.EXPIRED, "The cart's holds ran out; a new item starts it anew.")


def _not_in_cart(seat_id: int) -> Problem:
    return Problem(Code.NOT_HELD, f"Seat {seat_id} is not in the cart.")


def _not_joined(word: CartWord, cart: Cart) -> Problem:
    if word is CartWord.NONE:
        return not_found(f"cart {cart.cart_id}")
    if word is CartWord.FULL:
        return Problem(Code.LIMIT_EXCEEDED, f"A cart may have {MAX_EVENTS} events; book this one.", limit=MAX_EVENTS)
    return problem_of(AlreadyPaid() if cart.state is CartState.COMPLETED else PaymentInProgress())


def _refused(result: AddResult, seating: Seating | None) -> Problem:
    if isinstance(result, SeatTaken):
        return seat_taken(result, seating)
    if isinstance(result, Held):
        raise TypeError("not a refusal")
    return problem_of(result)
