"""Carts: which reservations of several events are held, booked and paid as one.

A cart holds nothing itself. Its reservations are like any other, in the partitions of their events. The cart lists
them, and decides about all of them at once (lua/82_cart.lua).
"""

import re
from enum import StrEnum

import msgspec

from engine.currencies import FIRST_CURRENCY
from engine.engine import Engine
from engine.errors import EngineBug, OutOfMemory
from engine.ids import keyed_reservation_id

MAX_EVENTS = 20
"""The most events in a cart."""

_CART_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_PAYMENT_ID = re.compile(rf"cart-({_CART_ID.pattern})-([1-9][0-9]{{0,14}})", re.ASCII)


class CartState(StrEnum):
    """The state of a cart. `none`: there is no such cart."""

    NONE = "none"
    OPEN = "open"
    BOOKING = "booking"
    BOOKED = "booked"
    COMPLETED = "completed"
    FAILED = "failed"


class CartWord(StrEnum):
    """The result of a request to change a cart."""

    OK = "ok"
    NONE = "none"
    FULL = "full"
    EXPIRED = "expired"
    REFUSED = "refused"
    OTHER = "other"
    CURRENCY = "currency"
    CODE = "code"
    OUT_OF_MEMORY = "out_of_memory"


class Cart(msgspec.Struct, frozen=True):
    """A cart at an instant. Times are ms since 1970 by the clock of Redis.

    `generation` tells its beginnings apart, `payment` its bookings; 0 before the first. `deadline_ms` is the earliest
    of its holds, and 0 when there is no such cart any more. `owner` is the customer who made it; empty: it has none.
    `parts`: what tells the reservations apart that it had of an event, by event; `ids`: those that it has. `currency`:
    of all its prices; empty before the first. `code`: `event/code`, the last that an item named; empty: none.
    """

    cart_id: str
    now_ms: int
    state: CartState
    generation: int
    deadline_ms: int
    payment: int
    owner: str
    parts: dict[int, int]
    ids: dict[int, str]
    currency: str = FIRST_CURRENCY
    code: str = ""

    @property
    def event_ids(self) -> list[int]:
        """Its events."""
        return list(self.parts)

    @property
    def customer_id(self) -> str:
        """The customer of its reservations; of a cart without a customer, the cart itself."""
        return self.owner or self.nobody

    @property
    def nobody(self) -> str:
        """The customer of its reservations while it has no customer."""
        return f"cart-{self.cart_id}"

    @property
    def payment_id(self) -> str:
        """The id of its booking, which is that of the payment attempt in each of its reservations."""
        return f"cart-{self.cart_id}-{self.payment}"

    @property
    def reservation_ids(self) -> list[str]:
        """Its reservations, by event; of some there may be none yet."""
        return [self.reservation_id(event_id) for event_id in self.event_ids]

    @property
    def is_settled(self) -> bool:
        """True once its payment has ended."""
        return self.state in (CartState.COMPLETED, CartState.FAILED)

    @property
    def ran_out(self) -> bool:
        """True if its deadline passed before it was booked."""
        return self.state is CartState.OPEN and self.now_ms >= self.deadline_ms

    def gave_up(self, payment_id: str) -> bool:
        """True if that was an earlier booking of this beginning: it was undone before anybody was told its payment."""
        return self.generation <= int(payment_id.rpartition("-")[2]) < self.payment

    def reservation_id(self, event_id: int) -> str:
        """The id of its reservation of an event."""
        return self.ids[event_id]


class Carts:
    """Reads and changes carts: those of one customer, or of all. To a customer there is no cart of another.

    Every method raises OutcomeUnknown, and may be called again then. `join` raises OutOfMemory.
    """

    def __init__(self, engine: Engine, owner: str = "") -> None:
        self._engine, self._owner = engine, owner
        settings = engine.settings
        # The outcome of a payment is known here at least for as long as reservations may be pinned for it.
        self._keep_ms = (settings.archive_seconds + settings.pin_seconds) * 1000

    async def read(self, cart_id: str) -> Cart:
        """The cart as it is."""
        return (await self._call(cart_id, "read"))[1]

    async def join(
        self,
        cart_id: str,
        event_id: int,
        hold_ms: int,
        gone: int = 0,
        gone_part: int = 0,
        buyer: str = "",
        currency: str = FIRST_CURRENCY,
        code: str = "",
        freed: str = "",
    ) -> tuple[CartWord, Cart]:
        """Before a reservation of the event is made or changed.

        `gone`: a generation whose holds expired. `gone_part`: the part of the event, if its hold was cancelled.
        `code`: `event/code` that the item names. `freed`: the cart's own, which no hold of it names any more.
        """
        percent = self._engine.settings.memory_percent
        arguments = (event_id, hold_ms, gone, gone_part, percent, buyer, currency, code, freed)
        word, cart = await self._call(cart_id, "join", *arguments)
        if word is CartWord.OUT_OF_MEMORY:
            raise OutOfMemory
        return word, cart

    async def claim(self, cart_id: str, customer_id: str) -> tuple[CartWord, Cart]:
        """Gives a cart without a customer to this one, if it is open or booked. Its reservations must follow."""
        return await self._call(cart_id, "claim", customer_id)

    async def unclaim(self, cart_id: str, customer_id: str) -> tuple[CartWord, Cart]:
        """Undoes a claim, because its reservations cannot follow."""
        return await self._call(cart_id, "unclaim", customer_id)

    async def shorten(self, cart: Cart, deadline_ms: int) -> tuple[CartWord, Cart]:
        """A hold of the cart has this deadline, which is earlier than those of the others."""
        return await self._call(cart.cart_id, "shorten", cart.generation, deadline_ms)

    async def leave(self, cart: Cart, event_id: int) -> CartWord:
        """Undoes a join, because nothing could be held; the cart goes with its last event."""
        return await self._without("leave", cart, event_id)

    async def drop(self, cart: Cart, event_id: int) -> CartWord:
        """Nothing of the event is left in the cart, which stays."""
        return await self._without("drop", cart, event_id)

    async def discard(self, cart_id: str) -> tuple[CartWord, Cart]:
        """Discards an open cart; the caller must then cancel its holds."""
        return await self._call(cart_id, "discard")

    async def begin(self, cart_id: str) -> tuple[CartWord, Cart]:
        """Opens a booking, unless there is one."""
        return await self._call(cart_id, "begin")

    async def book(self, cart: Cart) -> CartWord:
        """All reservations are pinned."""
        return (await self._call(cart.cart_id, "book", cart.payment))[0]

    async def unbook(self, cart: Cart) -> CartWord:
        """Not all reservations can be pinned."""
        return (await self._call(cart.cart_id, "unbook", cart.payment))[0]

    async def settle(self, cart: Cart, outcome: CartState) -> tuple[CartWord, Cart]:
        """Decides that the payment of a booked cart is completed, or failed."""
        return await self._call(cart.cart_id, "settle", cart.payment, outcome.value)

    async def _without(self, word: str, cart: Cart, event_id: int) -> CartWord:
        return (await self._call(cart.cart_id, word, event_id, cart.generation, cart.parts[event_id]))[0]

    async def _call(self, cart_id: str, word: str, *arguments: int | str) -> tuple[CartWord, Cart]:
        reply = await self._engine.call(
            "onsale_cart", (f"cart:{{{cart_id}}}",), (word, self._keep_ms, self._owner, *arguments)
        )
        try:
            said, now_ms, state, generation, deadline_ms, payment, owner, currency, code, *events = (
                raw.decode() for raw in reply
            )
            parts = dict(sorted(_part(event) for event in events))
            cart = Cart(
                cart_id,
                int(now_ms),
                CartState(state),
                int(generation),
                int(deadline_ms),
                int(payment),
                owner,
                parts,
                {event_id: self._id_of(cart_id, generation, event_id, part) for event_id, part in parts.items()},
                currency,
                code,
            )
            return CartWord(said), cart
        except ValueError as error:
            raise EngineBug(f"not a cart: {reply!r}") from error

    def _id_of(self, cart_id: str, generation: str, event_id: int, part: int) -> str:
        secret = self._engine.id_secret(event_id)
        return keyed_reservation_id(event_id, "cart", f"{cart_id}/{generation}/{part}", secret)


def _part(text: str) -> tuple[int, int]:
    event_id, _, part = text.partition(":")
    return int(event_id), int(part)


def cart_id_of(text: str) -> str | None:
    """A cart's id, a UUID, in its one spelling; None for what is none."""
    return text.lower() if _CART_ID.fullmatch(text) else None


def cart_of_payment(payment_id: str) -> str | None:
    """The cart that a payment's id names; None if it is not a payment of a cart."""
    match = _PAYMENT_ID.fullmatch(payment_id)
    return match[1] if match else None
