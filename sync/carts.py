"""Payments of carts: several reservations pinned for one payment, and all of them sold or given back.

What becomes of a payment is decided at the cart first and then done to its reservations, one by one. Whatever dies in
between, the reservations that are still pinned name the payment, and with it the cart: `drive` does the rest. Every
step is safe to repeat and safe beside another process that does the same.
"""

import asyncio
from typing import NamedTuple

import structlog

from engine.carts import Cart, Carts, CartState, CartWord, cart_of_payment
from engine.commands import BeginPayment, ConfirmPayment, FailPayment, Find
from engine.engine import Engine
from engine.faults import OutcomeUnknown
from engine.records import Attempt, Record
from engine.results import (
    AlreadyCancelled,
    AlreadyPaid,
    AmountMismatch,
    Expired,
    NotFound,
    NotHeld,
    Paid,
    Paying,
    PaymentFailed,
    PaymentInProgress,
    PaymentSettled,
    RefundDue,
)
from engine.words import AttemptState, FailureReason, State
from sync.gateway import ChargeOutcome, Completed, Failed, Gateway, NeverSeen, Unknown
from sync.outcomes import Observe, Outcome, observe_nothing

log = structlog.get_logger(__name__)

BookRefusal = NotFound | Expired | AlreadyCancelled | AlreadyPaid | NotHeld | PaymentInProgress | PaymentSettled
"""Why a cart is not booked. NotHeld: there is nothing in it. AlreadyPaid: all that is in it was paid one by one.
PaymentSettled: its payment failed."""

_TRIES = 3
"""How often something is looked at again that changed while it was looked at."""


class CartPayment(NamedTuple):
    """A payment of a cart: what is to be paid for which reservations."""

    payment_id: str
    state: CartState
    amount_minor: int
    reservation_ids: list[str]
    customer_id: str


class CartPayments:
    """Books carts and ends their payments. Has no state of its own; every method raises Fault."""

    def __init__(self, engine: Engine, gateway: Gateway, observe: Observe = observe_nothing) -> None:
        self._engine = engine
        self._gateway = gateway
        self._observe = observe
        self._carts = Carts(engine)

    async def book(self, cart_id: str, owner: str = "") -> Cart | BookRefusal:
        """Pins every reservation of the cart for one payment, or none. A cart that is booked stays as it is.

        `owner`: the customer who asks, and who finds no cart of another; empty: whoever may touch every cart.
        """
        for _ in range(_TRIES):
            word, cart = await Carts(self._engine, owner).begin(cart_id)
            if word is not CartWord.OK:
                return NotFound() if word is CartWord.NONE or not cart.deadline_ms else Expired()
            if cart.state is CartState.FAILED:
                return PaymentSettled()
            if cart.state is not CartState.BOOKING:
                return cart
            refusal = await self._pin_all(cart)
            if refusal is None and await self._carts.book(cart) is CartWord.OK:
                return cart
            if await self._carts.unbook(cart) is CartWord.OK:
                await self._unpin_all(cart)
                if refusal is not None:
                    return refusal
            else:  # somebody else has ended this booking meanwhile: another look tells how
                await self._unpin_if_lost(cart)
        raise OutcomeUnknown("the cart changes all the time; try again")

    async def read(self, payment_id: str) -> CartPayment | None:
        """A payment that its cart still knows, else None."""
        cart = await self._cart_of(payment_id)
        if cart is None or cart.state not in (CartState.BOOKED, CartState.COMPLETED, CartState.FAILED):
            return None
        attempts = await asyncio.gather(*(self._attempt(rid, payment_id) for rid in cart.reservation_ids))
        pinned = {
            rid: attempt.amount_minor
            for rid, attempt in zip(cart.reservation_ids, attempts, strict=True)
            if attempt is not None
        }
        came_late = any(attempt and outcome_of(attempt.state) is CartState.COMPLETED for attempt in attempts)
        state = CartState.COMPLETED if came_late else cart.state
        return CartPayment(payment_id, state, sum(pinned.values()), list(pinned), cart.customer_id)

    async def end(self, payment_id: str, outcome: CartState) -> CartPayment | NotFound | PaymentSettled:
        """The gateway tells how a payment ended: `completed` sells everything, `failed` frees everything.

        What failed is voided at the gateway first, so that nothing can come of it any more. NotFound: no such payment,
        or its cart has forgotten it.
        """
        cart = await self._cart_of(payment_id)
        if cart is None:
            return NotFound()
        settled = outcome
        if outcome is CartState.FAILED and cart.state is CartState.BOOKED:
            too_late = await self._gateway.void(payment_id) == Completed()
            settled = CartState.COMPLETED if too_late else outcome
        word, cart = await self._carts.settle(cart, settled)
        if cart.payment_id != payment_id or not cart.is_settled:
            return NotFound()
        if word is CartWord.OK:
            await self._apply(cart)
        elif outcome is CartState.FAILED or not await self.sell_late(payment_id, cart.reservation_ids):
            return PaymentSettled()
        payment = await self.read(payment_id)
        if payment is None:
            return NotFound()
        return payment if payment.state is outcome else PaymentSettled()

    async def sell_late(self, payment_id: str, reservation_ids: list[str]) -> bool:
        """`completed` of a payment that had failed: money that came late, if the gateway's books have it too.

        Then what is still to be had is sold, and the money for the rest is owed back.
        """
        if await self._gateway.status(payment_id) != Completed():
            return False
        log.warning("cart_payment_late", payment_id=payment_id)
        await asyncio.gather(*(self._sell(rid, payment_id) for rid in reservation_ids))
        return True

    async def drive(self, reservation_id: str, attempt: Attempt, *, outlived: bool) -> bool:
        """Takes the payment that a reservation is pinned for one step on; tells whether it came to its end.

        To be called when the attempt is so old that nobody is booking any more. The callback of a booked cart may have
        been lost, so the gateway is asked too. `outlived`: it has been waited for long enough, and is voided.
        """
        payment_id = attempt.attempt_id
        cart_id = cart_of_payment(payment_id)
        cart = await self._carts.read(cart_id) if cart_id else None
        if cart is not None and cart.state is CartState.NONE:
            return await self._drive_lost(reservation_id, payment_id, outlived)
        if cart is None or cart.payment_id != payment_id:
            await self._unpin(reservation_id, payment_id)
            return True
        match cart.state:
            case CartState.BOOKING:
                if await self._carts.unbook(cart) is not CartWord.OK:
                    return False
                await self._unpin_all(cart)
            case CartState.OPEN:
                await self._unpin(reservation_id, payment_id)
            case CartState.BOOKED:
                match await self._ask(payment_id, outlived):
                    case Completed():
                        await self.end(payment_id, CartState.COMPLETED)
                    case Failed():
                        await self.end(payment_id, CartState.FAILED)
                    case Unknown():
                        return False
            case _:
                await self._apply(cart)
        return True

    async def _drive_lost(self, reservation_id: str, payment_id: str, outlived: bool) -> bool:
        """The same where no cart is left to say what the payment is about: Redis was restored without its carts."""
        match await self._ask(payment_id, outlived):
            case Completed():
                await self._engine.submit(ConfirmPayment(reservation_id, payment_id))
            case Failed():
                await self._unpin(reservation_id, payment_id)
            case Unknown():
                return False
        return True

    async def _ask(self, payment_id: str, outlived: bool) -> ChargeOutcome:
        """What became of a booked cart's payment; the customer may not have come to the gateway yet."""
        status = await self._gateway.status(payment_id)
        if outlived and isinstance(status, NeverSeen | Unknown):
            log.warning("cart_payment_outlived", payment_id=payment_id)
            return await self._gateway.void(payment_id)
        return Unknown() if isinstance(status, NeverSeen) else status

    async def _cart_of(self, payment_id: str) -> Cart | None:
        """The cart, if that payment is its last."""
        cart_id = cart_of_payment(payment_id)
        cart = await self._carts.read(cart_id) if cart_id else None
        return cart if cart is not None and cart.payment_id == payment_id else None

    async def _attempt(self, reservation_id: str, payment_id: str) -> Attempt | None:
        found = await self._engine.submit(Find(reservation_id))
        return None if isinstance(found, NotFound) else attempt_of(found.record, payment_id)

    async def _pin_all(self, cart: Cart) -> BookRefusal | None:
        """Pins one after the other, until one refuses; tells why. What was paid alone is left as it is."""
        nothing: BookRefusal | None = NotHeld()
        for reservation_id in cart.reservation_ids:
            pinned = await self._pin(reservation_id, cart.payment_id)
            match pinned:
                case True:
                    nothing = None
                case AlreadyPaid():
                    nothing = nothing and pinned
                case False:
                    continue
                case _:
                    return pinned
        return nothing

    async def _pin(self, reservation_id: str, payment_id: str) -> bool | BookRefusal:
        """Pins a reservation; False if there is nothing in it."""
        for _ in range(_TRIES):
            found = await self._engine.submit(Find(reservation_id))
            if isinstance(found, NotFound) or not found.record.lines or found.record.state is State.CANCELLED:
                return False
            begun = await self._engine.submit(BeginPayment(reservation_id, payment_id, found.record.total_minor, ""))
            match begun:
                case Paying():
                    return True
                case Paid(record=record):
                    return True if attempt_of(record, payment_id) else AlreadyPaid()
                case AmountMismatch():
                    continue  # a seat came or went between
                case Expired() | AlreadyCancelled() | NotHeld() | NotFound() | PaymentInProgress():
                    return begun
                case _:
                    break  # unpinned meanwhile by somebody who could not pin another
        return PaymentInProgress()

    async def _unpin_all(self, cart: Cart) -> None:
        await asyncio.gather(*(self._unpin(rid, cart.payment_id) for rid in cart.reservation_ids))

    async def _unpin_if_lost(self, cart: Cart) -> None:
        """Unpins what was pinned for a booking that has been given up."""
        now = await self._carts.read(cart.cart_id)
        if now.payment != cart.payment or now.state is CartState.OPEN:
            await self._unpin_all(cart)

    async def _unpin(self, reservation_id: str, payment_id: str) -> None:
        """Ends the attempt, if there is one; the hold lives on until its deadline."""
        await self._engine.submit(FailPayment(reservation_id, payment_id, FailureReason.PAYMENT_FAILED))

    async def _apply(self, cart: Cart) -> None:
        """Does to all reservations what was decided."""
        one = self._sell if cart.state is CartState.COMPLETED else self._free
        await asyncio.gather(*(one(rid, cart.payment_id) for rid in cart.reservation_ids))

    async def _sell(self, reservation_id: str, payment_id: str) -> None:
        sold = await self._engine.submit(ConfirmPayment(reservation_id, payment_id))
        if isinstance(sold, Paid | RefundDue) and not sold.replayed:
            self._observe(Outcome.COMPLETED if isinstance(sold, Paid) else Outcome.LATE)

    async def _free(self, reservation_id: str, payment_id: str) -> None:
        fail = FailPayment(reservation_id, payment_id, FailureReason.PAYMENT_FAILED, give_back=True)
        freed = await self._engine.submit(fail)
        if isinstance(freed, PaymentFailed) and not freed.replayed:
            self._observe(Outcome.PAYMENT_FAILED)


def attempt_of(record: Record, payment_id: str) -> Attempt | None:
    """What a reservation has of a payment."""
    for attempt in record.attempts:
        if attempt.attempt_id == payment_id:
            return attempt
    return None


def outcome_of(state: AttemptState) -> CartState:
    """What an attempt's state says about its payment: booked while it is pending, completed, or failed."""
    match state:
        case AttemptState.PENDING:
            return CartState.BOOKED
        case AttemptState.FAILED:
            return CartState.FAILED
        case _:
            return CartState.COMPLETED
