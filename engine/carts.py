"""Carts: which reservations of several events are held, booked and paid as one.

A cart holds nothing itself. Its reservations are like any other, in the partitions of their events; the cart says which
they are, and is where it is decided what becomes of all of them (lua/82_cart.lua).
"""

import re
from enum import StrEnum

import msgspec

from engine.engine import Engine
from engine.faults import EngineBug
from engine.ids import keyed_reservation_id

MAX_EVENTS = 20
"""The most events in a cart."""

_CART_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_PAYMENT_ID = re.compile(rf"cart-({_CART_ID.pattern})-([1-9][0-9]{{0,14}})", re.ASCII)


class CartState(StrEnum):
    """Where a cart stands. `none`: there is no such cart."""

    NONE = "none"
    OPEN = "open"
    BOOKING = "booking"
    BOOKED = "booked"
    COMPLETED = "completed"
    FAILED = "failed"


class CartWord(StrEnum):
    """What came of a wish to change a cart."""

    OK = "ok"
    NONE = "none"
    FULL = "full"
    EXPIRED = "expired"
    REFUSED = "refused"


class Cart(msgspec.Struct, frozen=True):
    """A cart at an instant. Times are ms since 1970 by the clock of Redis.

    `generation` tells its beginnings apart, `payment` its bookings; 0 before the first. `deadline_ms` is 0 while
    nothing could be held. `owner` is the customer who made it; empty: it is nobody's.
    """

    cart_id: str
    now_ms: int
    state: CartState
    generation: int
    deadline_ms: int
    payment: int
    owner: str
    event_ids: list[int]

    @property
    def customer_id(self) -> str:
        """The customer of its reservations; of a cart that is nobody's, the cart itself."""
        return self.owner or f"cart-{self.cart_id}"

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
        """Whether its payment came to an end."""
        return self.state in (CartState.COMPLETED, CartState.FAILED)

    @property
    def ran_out(self) -> bool:
        """Whether its deadline passed before it was booked."""
        return self.state is CartState.OPEN and self.now_ms >= self.deadline_ms

    def reservation_id(self, event_id: int) -> str:
        """The id of its reservation of an event."""
        return keyed_reservation_id(event_id, "cart", f"{self.cart_id}/{self.generation}")


class Carts:
    """Reads and changes carts: those of one customer, or of all. To a customer there is no cart of another.

    Every method raises OutcomeUnknown, and may be called again then.
    """

    def __init__(self, engine: Engine, owner: str = "") -> None:
        self._engine, self._owner = engine, owner
        settings = engine.settings
        # The outcome of a payment is known here at least for as long as reservations may be pinned for it.
        self._keep_ms = (settings.archive_seconds + settings.pin_seconds) * 1000

    async def read(self, cart_id: str) -> Cart:
        """The cart as it is."""
        return (await self._call(cart_id, "read"))[1]

    async def join(self, cart_id: str, event_id: int, hold_ms: int, gone: int = 0) -> tuple[CartWord, Cart]:
        """Before a reservation of the event is made or changed. `gone`: a generation whose holds ran out or ended."""
        return await self._call(cart_id, "join", event_id, hold_ms, gone)

    async def leave(self, cart: Cart, event_id: int) -> CartWord:
        """Undoes a join that began the cart, because nothing could be held."""
        return (await self._call(cart.cart_id, "leave", event_id, cart.generation))[0]

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

    async def _call(self, cart_id: str, word: str, *arguments: int | str) -> tuple[CartWord, Cart]:
        reply = await self._engine.call(
            "onsale_cart", (f"cart:{{{cart_id}}}",), (word, self._keep_ms, self._owner, *arguments)
        )
        try:
            said, now_ms, state, generation, deadline_ms, payment, owner, *events = (raw.decode() for raw in reply)
            cart = Cart(
                cart_id,
                int(now_ms),
                CartState(state),
                int(generation),
                int(deadline_ms),
                int(payment),
                owner,
                sorted(map(int, events)),
            )
            return CartWord(said), cart
        except ValueError as error:
            raise EngineBug(f"not a cart: {reply!r}") from error


def cart_id_of(text: str) -> str | None:
    """A cart's id, a UUID, in its one spelling; None for what is none."""
    return text.lower() if _CART_ID.fullmatch(text) else None


def cart_of_payment(payment_id: str) -> str | None:
    """The cart that a payment's id names; None if it is not a payment of a cart."""
    match = _PAYMENT_ID.fullmatch(payment_id)
    return match[1] if match else None
