"""Places in carts: taken into one, taken out, or all given back.

A cart and its holds live in different partitions, so each change is several steps. First the cart names the
reservation; then the reservation is changed. Then the cart is read once more, because a booking or the end of a hold
may have come between. Every step is safe to repeat.
"""

import asyncio
from typing import NamedTuple

from engine.carts import Cart, Carts, CartState, CartWord
from engine.commands.holds import (
    Add,
    AddRefusal,
    Cancel,
    Claim,
    ClaimRefusal,
    Remove,
    RemovePlaces,
    RemoveRefusal,
    Shorten,
)
from engine.commands.items import Item
from engine.commands.reservations import Find
from engine.currencies import FIRST_CURRENCY
from engine.engine import Engine
from engine.errors import OutcomeUnknown
from engine.records import Record
from engine.results.holds import Cancelled, Held
from engine.results.reservations import (
    AlreadyCancelled,
    AlreadyPaid,
    Expired,
    Found,
    NotFound,
    NotHeld,
    PaymentInProgress,
)
from engine.words import State
from payments.carts import attempt_of

_TRIES = 3
"""The number of attempts to join a cart that changed while a place was added to it."""

_LOOKS = 50
_PAUSE_SECONDS = 0.02
"""The number of looks at a booking that is under way, and the pause between them."""


class NewItem(NamedTuple):
    """A wish for a place in a cart. `item`: as in Add. `hold_ms`: how long holds of the event live.

    `details`: about the customer, as they are stored. `buyer`: the customer who gets the cart; empty: nobody is named.
    `currency`: of the event's prices; a cart has one. `code`: under whose terms; a cart has one, too.
    """

    event_id: int
    hold_ms: int
    item: tuple[int, int] | Item
    details: str
    address: str
    expected_total: int
    buyer: str = ""
    currency: str = FIRST_CURRENCY
    code: str = ""


class Added(NamedTuple):
    """The cart with the item in it, and what the engine said of the hold."""

    cart: Cart
    held: Held


class NotJoined(NamedTuple):
    """The cart stays as it is.

    `none`: the caller has no such cart; `full`: of too many events; `currency`: it has another. Else it is paid for.
    """

    word: CartWord
    cart: Cart


class CartItems:
    """Changes what is in carts. Has no state of its own; every method raises Fault.

    `owner`: the requesting customer, who finds no cart of another; empty: a caller who may touch every cart.
    """

    def __init__(self, engine: Engine, owner: str) -> None:
        self._engine, self._carts = engine, Carts(engine, owner)

    async def add(self, cart_id: str, new: NewItem) -> Added | NotJoined | AddRefusal:
        """Takes an item into the cart's reservation of its event; the same again changes nothing.

        Expired holds of the cart are released, and it begins again with this item.
        """
        engine, carts, event_id = self._engine, self._carts, new.event_id
        gone, gone_part = 0, 0
        for _ in range(_TRIES):
            word, cart = await self._join(cart_id, new, gone, gone_part)
            if word is CartWord.FULL and await self._drop_ended(cart):
                continue
            if word is not CartWord.OK:
                return NotJoined(word, cart)
            reservation_id = cart.reservation_id(event_id)
            add = Add(
                *(reservation_id, event_id, cart.customer_id, new.details, new.item),
                address=new.address,
                expected_minor=new.expected_total,
                code=new.code,
                until_ms=cart.deadline_ms,
            )
            result = Expired() if await self._has_lost(cart) else await engine.submit(add)
            match result:
                case Expired():
                    # The cart begins again; what else it has is released now rather than later.
                    gone = cart.generation
                    await self._cancel_all(cart)
                case AlreadyCancelled():
                    gone_part = cart.parts[event_id]  # the rest of the cart stays as it is
                case Held():
                    if result.record.deadline_ms < cart.deadline_ms:
                        await self._shorten(cart, result.record.deadline_ms)
                    now = await self._after_booking(cart_id)
                    if now.generation == cart.generation and now.parts.get(event_id) == cart.parts[event_id]:
                        refusal = await self._follow(cart, now, reservation_id)
                        if refusal is not None:
                            return refusal
                        if now.state is CartState.OPEN or await self._has_booked(now, reservation_id):
                            return Added(now, result)
                        await engine.submit(Cancel(reservation_id))  # all that is in it came too late
                        return PaymentInProgress()
                    await engine.submit(Cancel(reservation_id))  # the cart started again meanwhile, without this
                case _:
                    if isinstance(await engine.submit(Find(reservation_id)), NotFound):
                        undo = carts.drop if gone_part else carts.leave  # a cart is left if the event was in it before
                        await undo(cart, event_id)
                    return result
        raise OutcomeUnknown("the cart keeps changing; try again")

    async def claim(self, cart_id: str, customer_id: str) -> Cart | NotJoined | ClaimRefusal:
        """Gives a cart without a customer to this one, with all its contents, or changes nothing. Safe to repeat."""
        word, cart = await self._carts.claim(cart_id, customer_id)
        if word is not CartWord.OK:
            return NotJoined(word, cart)
        refusal = await self._hand_over(cart, customer_id)
        if refusal is None:
            return await self._carts.read(cart_id)
        await self._carts.unclaim(cart_id, customer_id)
        await self._hand_over(cart, cart.nobody)
        return refusal

    async def remove(self, cart: Cart, event_id: int, command: Remove | RemovePlaces) -> Cart | RemoveRefusal:
        """Takes something out of the cart's reservation of the event; the event leaves the cart with its last place.

        NotHeld: it is not in the cart.
        """
        if cart.state is CartState.OPEN and await self._has_lost(cart):
            return Expired()
        result = await self._engine.submit(command)
        match result:
            case Cancelled():
                await self._carts.drop(cart, event_id)
            case NotFound() | AlreadyCancelled():
                return NotHeld()
            case Held():
                pass
            case _:
                return result
        return await self._carts.read(cart.cart_id)

    async def discard(self, cart_id: str) -> NotJoined | PaymentInProgress | AlreadyPaid | None:
        """Gives back all that an open cart has; again is fine.

        NotJoined: it is being paid for, or was, or it is another customer's. Other refusals: a part is paid alone.
        """
        seen = await self._carts.read(cart_id)
        refusal = await self._cancel_held(seen) if seen.state is CartState.OPEN else None
        if refusal is not None:
            return refusal
        word, cart = await self._carts.discard(cart_id)
        if word in (CartWord.REFUSED, CartWord.OTHER):
            return NotJoined(word, cart)
        if cart.state is CartState.OPEN:
            await self._cancel_all(cart)  # what joined it meanwhile
        return None

    async def _hand_over(self, cart: Cart, customer_id: str) -> ClaimRefusal | None:
        """Gives the reservations of a cart to a customer, one after the other; the first refusal."""
        for reservation_id in cart.reservation_ids:
            result = await self._engine.submit(Claim(reservation_id, customer_id))
            if not isinstance(result, Held | NotFound | AlreadyCancelled):  # what has ended has nothing to give
                return result
        return None

    async def _follow(self, cart: Cart, now: Cart, reservation_id: str) -> ClaimRefusal | None:
        """Gives a hold that was taken while the cart was claimed to its customer; cancels it if that cannot be."""
        if now.customer_id == cart.customer_id:
            return None
        result = await self._engine.submit(Claim(reservation_id, now.customer_id))
        if isinstance(result, Held | NotFound | AlreadyCancelled):
            return None
        await self._engine.submit(Cancel(reservation_id))
        return result

    async def _cancel_held(self, cart: Cart) -> PaymentInProgress | AlreadyPaid | None:
        """Gives back what a cart holds; nothing, and a refusal, if a part of it is being paid or is paid.

        A payment that begins meanwhile refuses, too, and its part stays in the cart.
        """
        parts = cart.reservation_ids
        found = await asyncio.gather(*(self._engine.submit(Find(one)) for one in parts))
        states = [each.record.state if isinstance(each, Found) else None for each in found]
        if State.PAYING in states:
            return PaymentInProgress()
        if State.PAID in states:
            return AlreadyPaid()
        held = [one for one, state in zip(parts, states, strict=True) if state is State.HELD]
        results = await asyncio.gather(*(self._engine.submit(Cancel(one)) for one in held))
        return next((each for each in results if isinstance(each, PaymentInProgress | AlreadyPaid)), None)

    async def _cancel_all(self, cart: Cart) -> None:
        await asyncio.gather(*(self._engine.submit(Cancel(one)) for one in cart.reservation_ids))

    async def _shorten(self, cart: Cart, deadline_ms: int) -> None:
        """A cart has one deadline, the earliest: all that is in it ends with the part that ends first."""
        await self._carts.shorten(cart, deadline_ms)
        await asyncio.gather(*(self._engine.submit(Shorten(one, deadline_ms)) for one in cart.reservation_ids))

    async def _drop_ended(self, cart: Cart) -> bool:
        """Forgets the events of which nothing is left in the cart; returns whether there were any."""
        dropped = False
        for event_id in cart.event_ids:
            found = await self._engine.submit(Find(cart.reservation_id(event_id)))
            if isinstance(found, Found) and found.record.state is State.CANCELLED:
                dropped |= await self._carts.drop(cart, event_id) is CartWord.OK
        return dropped

    async def _join(self, cart_id: str, new: NewItem, gone: int, gone_part: int) -> tuple[CartWord, Cart]:
        named = f"{new.event_id}/{new.code}" if new.code else ""
        arguments = (cart_id, new.event_id, new.hold_ms, gone, gone_part, new.buyer, new.currency, named)
        word, cart = await self._carts.join(*arguments)
        if word is CartWord.CODE and await self._is_freed(cart):
            return await self._carts.join(*arguments, cart.code)
        return word, cart

    async def _is_freed(self, cart: Cart) -> bool:
        """True if nothing in the cart names its code any more."""
        event_id, _, code = cart.code.partition("/")
        if int(event_id) not in cart.parts:
            return True
        found = await self._engine.submit(Find(cart.reservation_id(int(event_id))))
        if not isinstance(found, Found) or found.record.state not in (State.HELD, State.PAYING, State.PAID):
            return True
        return found.record.code is None or found.record.code.code != code

    async def _after_booking(self, cart_id: str) -> Cart:
        """The cart as soon as no booking is under way: before that nobody knows whether it has what was just added."""
        for _ in range(_LOOKS):
            cart = await self._carts.read(cart_id)
            if cart.state is not CartState.BOOKING:
                return cart
            await asyncio.sleep(_PAUSE_SECONDS)
        raise OutcomeUnknown("the cart is being booked; try again")

    async def _has_lost(self, cart: Cart) -> bool:
        """True if an open cart of several events has ended, because its hold of one event expired before the others."""
        if cart.state not in (CartState.OPEN, CartState.BOOKING) or len(cart.parts) == 1:
            return False
        found = await asyncio.gather(*(self._engine.submit(Find(one)) for one in cart.reservation_ids))
        return any(isinstance(each, Found) and is_lost(each.record) for each in found)

    async def _has_booked(self, cart: Cart, reservation_id: str) -> bool:
        found = await self._engine.submit(Find(reservation_id))
        return isinstance(found, Found) and attempt_of(found.record, cart.payment_id) is not None


def is_lost(record: Record) -> bool:
    """True if a hold of a cart expired."""
    return record.state is State.EXPIRED
