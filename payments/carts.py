"""Payments of carts: several reservations pinned for one payment, and all of them sold or given back.

The outcome of a payment is decided at the cart first, and then applied to its reservations, one by one. Whatever dies
in between, the reservations that are still pinned name the payment, and with it the cart: `drive` does the rest. Every
step is safe to repeat and safe beside another process that does the same.
"""

import asyncio
from typing import NamedTuple

import structlog

from engine.carts import Cart, Carts, CartState, CartWord, cart_of_payment
from engine.commands.payments import BeginPayment, ConfirmPayment, FailPayment
from engine.commands.reservations import Find
from engine.currencies import FIRST_CURRENCY
from engine.engine import Engine
from engine.errors import OutcomeUnknown
from engine.records import Attempt, Record
from engine.results.events import SaleClosed
from engine.results.payments import AmountMismatch, Paid, Paying, PaymentFailed, PaymentSettled
from engine.results.refunds import RefundDue
from engine.results.reservations import AlreadyCancelled, AlreadyPaid, Expired, NotFound, NotHeld, PaymentInProgress
from engine.words import AttemptState, FailureReason
from payments.charges import free_charge, is_paid, look_up, received
from payments.disputes import open_dispute, write_note
from payments.gateway import Completed, Failed, Gateway, GatewayUnclear, NeverSeen, StatusOutcome, Unknown
from payments.outcomes import Observe, Outcome, observe_nothing

log = structlog.get_logger(__name__)

BookRefusal = (
    NotFound | Expired | AlreadyCancelled | AlreadyPaid | NotHeld | PaymentInProgress | PaymentSettled | SaleClosed
)
"""Why a cart is not booked. NotHeld: there is nothing in it. AlreadyPaid: all that is in it was paid one by one.
PaymentSettled: its payment failed. SaleClosed: all that was in it is of events that are cancelled."""

CallbackRefusal = PaymentSettled | PaymentInProgress
"""Why a payment does not end as a callback, or a manager, says: it ended the other way, or is not paid yet."""

_FAILED = FailureReason.PAYMENT_FAILED

_TRIES = 3
"""The number of attempts to read something that changed meanwhile."""


class CartPayment(NamedTuple):
    """A payment of a cart: the sum for each reservation, and the attempt that it is in each of them."""

    payment_id: str
    state: CartState
    reservation_ids: list[str]
    attempts: list[Attempt]
    customer_id: str
    currency: str

    @property
    def amount_minor(self) -> int:
        """The amount owed, in minor units."""
        return sum(attempt.amount_minor for attempt in self.attempts)

    @property
    def is_disputed(self) -> bool:
        """True if the gateway has another amount than is owed, and somebody has to settle that."""
        return any(attempt.is_disputed for attempt in self.attempts)


class CartPayments:
    """Books carts and ends their payments. Has no state of its own; every method raises Fault."""

    def __init__(self, engine: Engine, gateway: Gateway, observe: Observe = observe_nothing) -> None:
        self._engine = engine
        self._gateway = gateway
        self._observe = observe
        self._carts = Carts(engine)

    async def book(self, cart_id: str, owner: str = "") -> Cart | BookRefusal:
        """Pins every reservation of the cart for one payment, or none. A cart that is booked stays as it is.

        `owner`: the requesting customer, who finds no cart of another; empty: a caller who may touch every cart.
        """
        for _ in range(_TRIES):
            word, cart = await Carts(self._engine, owner).begin(cart_id)
            if word is not CartWord.OK:
                return NotFound() if word is CartWord.NONE or not cart.deadline_ms else Expired()
            if cart.state is CartState.FAILED:
                return PaymentSettled()
            if cart.state is not CartState.BOOKING:
                return await self._complete_if_free(cart)
            refusal = await self._pin_all(cart)
            if refusal is None and await self._carts.book(cart) is CartWord.OK:
                return await self._complete_if_free(cart)
            if await self._carts.unbook(cart) is CartWord.OK:
                await self._unpin_all(cart)
                if refusal is not None:
                    return refusal
            else:  # another process has ended this booking meanwhile: another look shows how
                await self._unpin_if_lost(cart)
        raise OutcomeUnknown("the cart keeps changing; try again")

    async def read(self, payment_id: str) -> CartPayment | None:
        """A payment that its cart still knows, else None."""
        cart = await self._cart_of(payment_id)
        if cart is None or cart.state not in (CartState.BOOKED, CartState.COMPLETED, CartState.FAILED):
            return None
        found = await asyncio.gather(*(self._attempt(rid, payment_id) for rid in cart.reservation_ids))
        pinned = {rid: attempt for rid, attempt in zip(cart.reservation_ids, found, strict=True) if attempt is not None}
        came_late = any(outcome_of(attempt.state) is CartState.COMPLETED for attempt in pinned.values())
        state = CartState.COMPLETED if came_late else cart.state
        return CartPayment(payment_id, state, list(pinned), list(pinned.values()), cart.customer_id, cart.currency)

    async def end(
        self, payment_id: str, outcome: CartState, *, plays_customer: bool = False
    ) -> CartPayment | NotFound | CallbackRefusal:
        """Applies the outcome that the gateway reports: `completed` sells everything, `failed` frees everything.

        Nothing is sold unless the gateway has the money (`plays_customer`: see look_up). If it has another amount than
        is owed, the payment stays as it is, and is disputed. What failed is voided at the gateway first: nothing can
        come of it any more. NotFound: no such payment, or its cart has forgotten it. Raises GatewayUnclear, too.
        """
        cart = await self._cart_of(payment_id)
        if cart is None:
            return NotFound()
        settled = outcome
        if cart.state is CartState.BOOKED:
            told = await self._ask_to_end(cart, outcome, plays_customer=plays_customer)
            if not isinstance(told, CartState):
                return told
            settled = told
        word, cart = await self._carts.settle(cart, settled)
        if cart.payment_id != payment_id or not cart.is_settled:
            return NotFound()
        if word is CartWord.OK:
            await self._apply(cart)
        elif outcome is CartState.FAILED or not await self.sell_late(payment_id, cart.reservation_ids):
            return PaymentSettled()
        ended = await self.read(payment_id)
        if ended is None:
            return NotFound()
        return ended if ended.state is outcome else PaymentSettled()

    async def _ask_to_end(
        self, cart: Cart, outcome: CartState, *, plays_customer: bool
    ) -> CartState | CartPayment | NotFound | PaymentInProgress:
        """The end of a booked cart's payment, by what the gateway has; otherwise the refusal to answer."""
        payment = await self.read(cart.payment_id)
        if payment is None:
            return NotFound()
        payment_id, owed_minor, currency = payment.payment_id, payment.amount_minor, payment.currency
        if outcome is CartState.COMPLETED:
            charge = await look_up(self._gateway, payment_id, owed_minor, currency, plays_customer=plays_customer)
            if isinstance(charge, Unknown):
                raise GatewayUnclear("the gateway does not say whether the payment succeeded; try again")
            if not isinstance(charge, Completed):
                return PaymentInProgress()
        else:
            charge = await self._gateway.void(payment_id) if owed_minor else Failed(_FAILED)
            if not isinstance(charge, Completed):
                return CartState.FAILED
        paid = is_paid(charge, owed_minor, currency)
        return CartState.COMPLETED if paid else await self._dispute(payment, charge)

    async def settle_dispute(
        self, payment_id: str, *, completed: bool, note: str
    ) -> CartPayment | NotFound | CallbackRefusal:
        """A manager decides about a booked cart whose payment is disputed. NotFound: no cart decides about it."""
        cart, payment = await self._cart_of(payment_id), await self.read(payment_id)
        if cart is None or payment is None or cart.state is not CartState.BOOKED:
            return NotFound()
        if not payment.is_disputed:
            return PaymentInProgress()
        log.warning("dispute_settled", payment_id=payment_id, completed=completed)
        for rid, attempt in zip(payment.reservation_ids, payment.attempts, strict=True):
            if attempt.is_disputed:
                await write_note(self._engine, rid, attempt, note)
        word, cart = await self._carts.settle(cart, CartState.COMPLETED if completed else CartState.FAILED)
        if cart.payment_id != payment_id or word is not CartWord.OK:
            return PaymentSettled()
        await self._apply(cart)
        return await self.read(payment_id) or NotFound()

    async def attempts_beside(self, payment_id: str, reservation_id: str) -> list[Attempt]:
        """The attempts that a cart's payment is in its other reservations, as far as the cart still knows them."""
        cart = await self._cart_of(payment_id)
        others = [rid for rid in cart.reservation_ids if rid != reservation_id] if cart else []
        found = await asyncio.gather(*(self._attempt(rid, payment_id) for rid in others))
        return [attempt for attempt in found if attempt is not None]

    async def sell_late(self, payment_id: str, reservation_ids: list[str]) -> bool:
        """`completed` of a payment that had failed: money that came late, if the gateway's books have it too.

        Then the places that are still available are sold, and the money for the rest is owed back. Another amount than
        was owed buys nothing, and is disputed.
        """
        charge = await self._gateway.status(payment_id)
        if not isinstance(charge, Completed):
            return False
        log.warning("cart_payment_late", payment_id=payment_id)
        records = await asyncio.gather(*(self._record(rid) for rid in reservation_ids))
        known = [record for record in records if record is not None]
        found = [attempt_of(record, payment_id) for record in known]
        owed_minor = sum(attempt.amount_minor for attempt in found if attempt is not None)
        if not known or not is_paid(charge, owed_minor, known[0].currency):
            for rid in reservation_ids:
                await open_dispute(self._engine, rid, payment_id, received(charge), charge.currency)
            self._observe(Outcome.DISPUTED)
            return False
        await asyncio.gather(*(self._sell(rid, payment_id) for rid in reservation_ids))
        return True

    async def _complete_if_free(self, cart: Cart) -> Cart:
        """Sells a booked cart that costs nothing: there is nothing to wait for."""
        payment = await self.read(cart.payment_id)
        if payment is None or payment.state is not CartState.BOOKED or payment.amount_minor > 0:
            return cart
        await self.end(cart.payment_id, CartState.COMPLETED)
        return await self._carts.read(cart.cart_id)

    async def _dispute(self, payment: CartPayment, charge: Completed) -> CartPayment:
        """Writes down that the gateway has another amount than is owed; the places stay pinned."""
        if not payment.is_disputed:
            self._observe(Outcome.DISPUTED)
            for rid in payment.reservation_ids:
                await open_dispute(self._engine, rid, payment.payment_id, received(charge), charge.currency)
        return await self.read(payment.payment_id) or payment

    async def drive(self, reservation_id: str, attempt: Attempt, *, outlived: bool) -> bool:
        """Takes the payment that a reservation is pinned for one step on; returns whether it ended.

        To be called when the attempt is so old that nobody is booking any more. The callback of a booked cart may have
        been lost, so the gateway is asked too. `outlived`: it has been waited for long enough, and is voided.
        """
        payment_id = attempt.attempt_id
        cart_id = cart_of_payment(payment_id)
        cart = await self._carts.read(cart_id) if cart_id else None
        if cart is None or cart.payment_id != payment_id:
            gave_up = cart is not None and cart.gave_up(payment_id)
            return await self._drive_unknown(reservation_id, attempt, outlived or gave_up)
        match cart.state:
            case CartState.BOOKING:
                if await self._carts.unbook(cart) is not CartWord.OK:
                    return False
                await self._unpin_all(cart)
            case CartState.OPEN:
                await self._unpin(reservation_id, payment_id)
            case CartState.BOOKED:
                return await self._drive_booked(cart, outlived)
            case _:
                await self._apply(cart)
        return True

    async def _drive_booked(self, cart: Cart, outlived: bool) -> bool:
        """The same for a booked cart: its callback may have been lost, so the gateway is asked."""
        payment = await self.read(cart.payment_id)
        if payment is None or payment.is_disputed:
            return False
        owes = payment.amount_minor > 0
        status = await self._ask(payment.payment_id, outlived) if owes else free_charge(payment.currency)
        if isinstance(status, Unknown | NeverSeen):
            return False
        outcome = CartState.COMPLETED if isinstance(status, Completed) else CartState.FAILED
        ended = await self.end(payment.payment_id, outcome)
        return not isinstance(ended, CartPayment) or not ended.is_disputed

    async def _drive_unknown(self, reservation_id: str, attempt: Attempt, outlived: bool) -> bool:
        """The same where no cart knows the payment: Redis lost its cart, which may have begun again since.

        What the other reservations owe is not known here, so the charge must be enough for this one. The gateway is
        asked about a free one, too: the payment of the others decides.
        """
        if attempt.is_disputed:
            return False
        record = await self._record(reservation_id)
        currency = record.currency if record else FIRST_CURRENCY
        match await self._ask(attempt.attempt_id, outlived):
            case Completed() as charge if not is_paid(charge, max(charge.amount_minor, attempt.amount_minor), currency):
                await open_dispute(self._engine, reservation_id, attempt.attempt_id, received(charge), charge.currency)
                return False
            case Completed():
                await self._engine.submit(ConfirmPayment(reservation_id, attempt.attempt_id))
            case Failed():
                await self._unpin(reservation_id, attempt.attempt_id)
            case Unknown() | NeverSeen():
                return False
        return True

    async def _ask(self, payment_id: str, outlived: bool) -> StatusOutcome:
        """Ask for the outcome of a cart's payment; the customer may not have reached the gateway yet."""
        status = await self._gateway.status(payment_id)
        if outlived and isinstance(status, NeverSeen | Unknown):
            log.warning("cart_payment_outlived", payment_id=payment_id)
            return await self._gateway.void(payment_id)
        return status

    async def _cart_of(self, payment_id: str) -> Cart | None:
        """The cart, if that payment is its last."""
        cart_id = cart_of_payment(payment_id)
        cart = await self._carts.read(cart_id) if cart_id else None
        return cart if cart is not None and cart.payment_id == payment_id else None

    async def _attempt(self, reservation_id: str, payment_id: str) -> Attempt | None:
        record = await self._record(reservation_id)
        return None if record is None else attempt_of(record, payment_id)

    async def _record(self, reservation_id: str) -> Record | None:
        found = await self._engine.submit(Find(reservation_id))
        return None if isinstance(found, NotFound) else found.record

    async def _pin_all(self, cart: Cart) -> BookRefusal | None:
        """Pins one after the other, until one refuses; tells why. What was paid alone is left as it is."""
        nothing: BookRefusal | None = NotHeld()
        for reservation_id in cart.reservation_ids:
            pinned = await self._pin(reservation_id, cart.payment_id)
            match pinned:
                case True:
                    nothing = None
                case AlreadyPaid() | SaleClosed():
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
            if isinstance(found, NotFound):
                return False
            begun = await self._engine.submit(BeginPayment(reservation_id, payment_id, found.record.total_minor, ""))
            match begun:
                case Paying():
                    return True
                case Paid(record=record):
                    return True if attempt_of(record, payment_id) else AlreadyPaid()
                case AmountMismatch():
                    continue  # a seat came or went between
                case AlreadyCancelled() | NotFound():
                    return False
                case Expired() | NotHeld() | PaymentInProgress() | SaleClosed():
                    return begun
                case _:
                    break  # unpinned meanwhile by somebody who could not pin another
        return PaymentInProgress()

    async def _unpin_all(self, cart: Cart) -> None:
        await asyncio.gather(*(self._unpin(rid, cart.payment_id) for rid in cart.reservation_ids))

    async def _unpin_if_lost(self, cart: Cart) -> None:
        """Unpins what was pinned for a booking that has been given up.

        If the cart does not know it, somebody may have been told its payment: the resolver asks the gateway.
        """
        now = await self._carts.read(cart.cart_id)
        is_open_again = now.payment == cart.payment and now.state is CartState.OPEN
        if is_open_again or now.gave_up(cart.payment_id):
            await self._unpin_all(cart)

    async def _unpin(self, reservation_id: str, payment_id: str) -> None:
        """Ends the attempt, if there is one; the hold lives on until its deadline."""
        await self._engine.submit(FailPayment(reservation_id, payment_id, _FAILED))

    async def _apply(self, cart: Cart) -> None:
        """Does to all reservations what was decided."""
        one = self._sell if cart.state is CartState.COMPLETED else self._free
        await asyncio.gather(*(one(rid, cart.payment_id) for rid in cart.reservation_ids))

    async def _sell(self, reservation_id: str, payment_id: str) -> None:
        sold = await self._engine.submit(ConfirmPayment(reservation_id, payment_id))
        if isinstance(sold, Paid | RefundDue) and not sold.replayed:
            self._observe(Outcome.COMPLETED if isinstance(sold, Paid) else Outcome.LATE)

    async def _free(self, reservation_id: str, payment_id: str) -> None:
        fail = FailPayment(reservation_id, payment_id, _FAILED, give_back=True)
        freed = await self._engine.submit(fail)
        if isinstance(freed, PaymentFailed) and not freed.replayed:
            self._observe(Outcome.PAYMENT_FAILED)


def attempt_of(record: Record, payment_id: str) -> Attempt | None:
    """The attempt of a payment in a reservation, if there is one."""
    for attempt in record.attempts:
        if attempt.attempt_id == payment_id:
            return attempt
    return None


def outcome_of(state: AttemptState) -> CartState:
    """The state of a payment according to an attempt: booked while it is pending, completed, or failed."""
    match state:
        case AttemptState.PENDING:
            return CartState.BOOKED
        case AttemptState.FAILED:
            return CartState.FAILED
        case _:
            return CartState.COMPLETED
