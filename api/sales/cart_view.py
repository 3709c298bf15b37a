"""Carts as the API finds and shows them."""

import asyncio
from typing import Literal

import msgspec
from aiohttp import web

from api.access.callers import caller_of
from api.app_keys import ENGINE, POSTGRES
from api.catalogue.cache import CATALOGUE
from api.engine_problems import problem_of
from api.http.problems import Code, Problem, invalid, not_found
from api.http.replies import Reply, json_reply
from api.http.times import rfc3339
from api.http.types import Money
from api.idempotency import Rendered
from api.sales import schemas
from api.sales.schemas import CartItem
from api.sales.views import cart_items
from engine.carts import MAX_EVENTS, Cart, Carts, CartState, CartWord, cart_id_of
from engine.commands.reservations import Find
from engine.currencies import FIRST_CURRENCY
from engine.records import Record
from engine.results.codes import CodeNotApplicable
from engine.results.reservations import AlreadyPaid, Found, PaymentInProgress
from engine.words import State
from payments.cart_items import CartItems, NotJoined, is_lost
from payments.carts import attempt_of
from sync.read_models.reservations import get_reservation

STATUS: dict[CartState, Literal["open", "booked", "completed", "failed"]] = {
    CartState.OPEN: "open",
    CartState.BOOKING: "open",  # it may still be refused
    CartState.BOOKED: "booked",
    CartState.COMPLETED: "completed",
    CartState.FAILED: "failed",
}

_LIVE = (State.HELD, State.PAYING, State.PAID)


async def show_cart(request: web.Request, cart: Cart) -> schemas.Cart:
    """A cart as the API shows it. Raises Problem not_found, or expired if it, or one of its holds, has expired."""
    return await _cart_view(request, await _shown(request, cart))


async def cart_reply(request: web.Request, cart: Cart, *, changed: bool = True) -> Rendered:
    """The answer to a change of a cart. A repeat is rendered from its records. Raises Problem as `show_cart`."""
    shown = await _shown(request, cart)
    return Rendered(json_reply(await _cart_view(request, shown)), _ENCODER.encode(shown), changed=changed)


async def render_cart(request: web.Request, source: bytes) -> Reply:
    """A cart as it was."""
    return json_reply(await _cart_view(request, _SHOWN.decode(source)))


class _ShownCart(msgspec.Struct, array_like=True, frozen=True):
    """A cart, and those of its reservations that exist."""

    cart: Cart
    records: list[Record]


_SHOWN, _ENCODER = msgspec.msgpack.Decoder(_ShownCart), msgspec.msgpack.Encoder()


async def _shown(request: web.Request, cart: Cart) -> _ShownCart:
    refuse_gone(cart)
    records = await asyncio.gather(*(_record(request, cart, one) for one in cart.reservation_ids))
    return _ShownCart(cart, [msgspec.structs.replace(each, details="", digest="") for each in records if each])


async def _cart_view(request: web.Request, shown: _ShownCart) -> schemas.Cart:
    catalogue, cart = request.app[CATALOGUE], shown.cart
    status = STATUS[cart.state]
    is_open = status == "open"
    items: list[CartItem] = []
    for record in shown.records:
        if is_open and is_lost(record):
            raise cart_expired()
        if record.state in _LIVE if is_open else attempt_of(record, cart.payment_id):
            event = await catalogue.event(record.event_id)
            items += cart_items(record, event, await catalogue.seating(event) if event else None)
    return schemas.Cart(
        id=cart.cart_id,
        status=status,
        items=items,
        total=Money(sum(item.quantity * item.unit_price.amount for item in items), cart.currency or FIRST_CURRENCY),
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


def path_cart_id(request: web.Request) -> str:
    """The cart that the path names. Raises Problem not_found."""
    cart_id = cart_id_of(request.match_info["cart_id"])
    if cart_id is None:
        raise not_found(f"cart {request.match_info['cart_id']!r}: its id is a UUID")
    return cart_id


def carts_of_caller(request: web.Request) -> Carts:
    """The carts that the caller finds."""
    return Carts(request.app[ENGINE], caller_of(request).owner)


def items_of_caller(request: web.Request) -> CartItems:
    """Changes of the carts that the caller finds."""
    return CartItems(request.app[ENGINE], caller_of(request).owner)


async def check_events_of_cart(request: web.Request, cart_id: str, *event_ids: int) -> None:
    """Raises Problem forbidden if a manager's token is not good for these events, or for one that the cart has."""
    caller = caller_of(request)
    if caller.events is not None:
        caller.check_events([*event_ids, *(await carts_of_caller(request).read(cart_id)).event_ids])


def refuse_gone(cart: Cart) -> None:
    """Raises Problem not_found or expired."""
    if cart.state is CartState.NONE or not (cart.deadline_ms or cart.is_settled):
        raise not_found(f"cart {cart.cart_id}")
    if cart.ran_out:
        raise cart_expired()


def cart_expired() -> Problem:
    """The problem of a cart whose places were all given back."""
    return Problem(Code.EXPIRED, "The cart's holds expired; add an item to start a new cart.")


def not_joined(refusal: NotJoined) -> Problem:
    """The problem of a cart that takes nothing, or gives nothing back."""
    word, cart = refusal
    if word is CartWord.NONE:
        return not_found(f"cart {cart.cart_id}")
    if word is CartWord.EXPIRED:
        return cart_expired()
    if word is CartWord.OTHER:
        return invalid(
            "customer.id",
            "the cart belongs to another customer, or began without one: name the customer with the first item, "
            "or let the customer claim the cart",
        )
    if word is CartWord.CURRENCY:
        return Problem(
            Code.CURRENCY_NOT_SUPPORTED,
            f"The cart is in {cart.currency}, and a cart has one currency; pay for it first, or use another cart.",
        )
    if word is CartWord.CODE:
        return problem_of(CodeNotApplicable(0))
    if word is CartWord.FULL:
        return Problem(
            Code.LIMIT_EXCEEDED, f"A cart may have {MAX_EVENTS} events; pay for this cart first.", limit=MAX_EVENTS
        )
    return problem_of(AlreadyPaid() if cart.state is CartState.COMPLETED else PaymentInProgress())
