"""Payments and refunds of reservations: from a hold to paid, and back.

The attempt is written before the gateway is called, and the gateway is called before its outcome is written. Whatever
dies between two of these steps, the attempt remains as pending or refund_due, and `settle` takes it to its end. Every
step is safe to repeat and safe beside another process that does the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, assert_never

import structlog

from engine.carts import CartState, cart_of_payment
from engine.commands.exchanges import Exchange, ExchangeResult
from engine.commands.payments import (
    BeginPayment,
    BeginPaymentResult,
    ConfirmPayment,
    ConfirmPaymentResult,
    FailPayment,
    FailPaymentResult,
)
from engine.commands.refunds import Refund, RefundResult, RefundSome, RefundSomeResult, SettleRefund
from engine.commands.reservations import Find
from engine.currencies import FIRST_CURRENCY
from engine.engine import Engine
from engine.errors import EngineBug
from engine.records import Attempt, Record, RefundPart
from engine.results.exchanges import Exchanged, Exchanging
from engine.results.payments import Paid, Paying, PaymentFailed, PaymentSettled
from engine.results.refunds import RefundDue, Refunded
from engine.results.reservations import NotFound, PaymentInProgress
from engine.words import AttemptState, FailureReason, State
from payments.carts import CallbackRefusal, CartPayments, attempt_of, outcome_of
from payments.charges import free_charge, is_paid, look_up, received
from payments.disputes import open_dispute, write_note
from payments.gateway import (
    ChargeOutcome,
    ChargeRefund,
    Completed,
    Failed,
    Gateway,
    GatewayUnclear,
    GivenBack,
    NeverSeen,
    RefundOutcome,
    Refused,
    Unknown,
)
from payments.outcomes import Observe, Outcome, observe_nothing

log = structlog.get_logger(__name__)

PayResult = BeginPaymentResult
"""The result of paying. `Paying`: the outcome is not known yet, or disputed, and the places stay pinned."""


class Owed(NamedTuple):
    """The amount of an attempt that is owed, in minor units."""

    attempt_id: str
    amount_minor: int
    currency: str


async def at_once() -> None:
    """Waits for nothing."""


class Payments:
    """Payments and refunds over an engine and a gateway. Has no state of its own.

    `before_settling` is awaited when the gateway has refunded money, before that is written down.
    """

    def __init__(
        self,
        engine: Engine,
        gateway: Gateway,
        observe: Observe = observe_nothing,
        before_settling: Callable[[], Awaitable[object]] = at_once,
    ) -> None:
        self._engine = engine
        self._gateway = gateway
        self._observe = observe
        self._before_settling = before_settling
        self.carts = CartPayments(engine, gateway, observe)
        self._reconciling = asyncio.Lock()  # one after the other: what went back elsewhere counts once

    async def pay(self, begin: BeginPayment, payment_token: str) -> PayResult:
        """Begins an attempt, charges, and returns the outcome; a repeat of the same attempt continues it.

        Must run to its end when the customer goes away. Raises Fault; if that was after the charge, the reservation
        stays paying and `settle` finishes it. So does one whose charge is not what is owed: it is disputed.
        """
        begun = await self._engine.submit(begin)
        if not isinstance(begun, Paying):
            return begun
        attempt = attempt_of(begun.record, begin.attempt_id)
        if attempt is not None and attempt.is_disputed:
            return begun
        currency = begun.record.currency
        if begin.amount_minor == 0:
            outcome: ChargeOutcome = free_charge(currency)
        elif begun.record.state is State.PAYING:
            outcome = await self._gateway.charge(begin.attempt_id, begin.amount_minor, currency, payment_token)
        else:
            # A late success of an earlier attempt has paid meanwhile: this one is not wanted any more.
            outcome = await self._gateway.void(begin.attempt_id)
        owed = Owed(begin.attempt_id, begin.amount_minor, currency)
        return await self._conclude(begin.reservation_id, owed, outcome) or begun

    async def confirm(self, reservation_id: str, attempt_id: str) -> ConfirmPaymentResult:
        """Writes down that the gateway has taken an attempt's money. RefundDue: `settle` returns it. Raises Fault."""
        return await self._engine.submit(ConfirmPayment(reservation_id, attempt_id))

    async def fail(self, reservation_id: str, attempt_id: str, reason: FailureReason) -> FailPaymentResult:
        """Writes down that the gateway will never take the attempt's money. Raises Fault."""
        return await self._engine.submit(FailPayment(reservation_id, attempt_id, reason))

    async def called_back(
        self, reservation_id: str, attempt_id: str, *, completed: bool, plays_customer: bool = False
    ) -> CallbackRefusal | None:
        """Stores how an attempt of one reservation ended, by the gateway's report. None: it is done, or disputed.

        `completed` is true only if the gateway's books have the money. Of an attempt that failed here it is money that
        came late: places are taken again, or it goes back. A failed attempt is voided, so that nothing can come of it
        any more, and its hold is released. Raises Fault, GatewayUnclear.
        """
        found = await self._engine.submit(Find(reservation_id))
        attempt = None if isinstance(found, NotFound) else attempt_of(found.record, attempt_id)
        if attempt is None or isinstance(found, NotFound):
            return PaymentSettled()
        currency = found.record.currency
        if completed:
            return await self._completed(reservation_id, attempt, currency, plays_customer=plays_customer)
        if attempt.state is AttemptState.PENDING and isinstance(await self._gateway.void(attempt_id), Completed):
            return await self._completed(reservation_id, attempt, currency, plays_customer=False) or PaymentSettled()
        fail = FailPayment(reservation_id, attempt_id, FailureReason.PAYMENT_FAILED, give_back=True)
        failed = await self._engine.submit(fail)
        self._observe_new(failed, FailureReason.PAYMENT_FAILED)
        return None if isinstance(failed, PaymentFailed) else PaymentSettled()

    async def _completed(
        self, reservation_id: str, attempt: Attempt, currency: str, *, plays_customer: bool
    ) -> CallbackRefusal | None:
        """Sells what an attempt paid for, if the gateway has the money."""
        if attempt.state not in (AttemptState.PENDING, AttemptState.FAILED):
            return None
        played = plays_customer and attempt.state is AttemptState.PENDING
        owed = Owed(attempt.attempt_id, attempt.amount_minor, currency)
        charge = await look_up(self._gateway, *owed, plays_customer=played)
        match charge:
            case Unknown():
                raise GatewayUnclear("the gateway does not say whether the payment succeeded; try again")
            case Failed() | NeverSeen():
                return PaymentSettled() if attempt.state is AttemptState.FAILED else PaymentInProgress()
            case Completed():
                await self._conclude(reservation_id, owed, charge)
                return None

    async def settle_dispute(
        self, reservation_id: str, attempt_id: str, *, completed: bool, note: str
    ) -> CallbackRefusal | None:
        """A manager decides about an attempt that is disputed; None if that is so now. Raises Fault.

        A payment counts as made if it is `completed`, and otherwise its places go back. So does a refund; otherwise the
        gateway is asked for it again.
        """
        found = await self._engine.submit(Find(reservation_id))
        attempt = None if isinstance(found, NotFound) else attempt_of(found.record, attempt_id)
        if attempt is None:
            return PaymentSettled()
        if not attempt.is_disputed:
            if attempt.state is AttemptState.PENDING:
                return PaymentInProgress()
            agreed = (outcome_of(attempt.state) is CartState.COMPLETED) == completed
            return None if agreed else PaymentSettled()
        log.warning("dispute_settled", reservation_id=reservation_id, attempt_id=attempt_id, completed=completed)
        await write_note(self._engine, reservation_id, attempt, note)
        if attempt.due_refunds:
            for refund in attempt.due_refunds if completed else ():
                await self._engine.submit(SettleRefund(reservation_id, attempt_id, refund.refund_id))
        elif completed:
            self._observe_new(await self.confirm(reservation_id, attempt_id))
        else:
            fail = FailPayment(reservation_id, attempt_id, FailureReason.PAYMENT_FAILED, give_back=True)
            self._observe_new(await self._engine.submit(fail), FailureReason.PAYMENT_FAILED)
        return None

    async def exchange(self, exchange: Exchange, payment_token: str) -> ExchangeResult:
        """Moves a paid reservation to other places; a repeat of the same attempt drives it on.

        A higher price is charged first, and if that fails nothing was exchanged. A lower price is refunded after it.
        Must run to its end as `pay`; `settle` finishes the rest. `Exchanging`: the gateway has not reported yet, or the
        charge is disputed, and the new places stay pinned beside the old ones. Raises Fault.
        """
        begun = await self._engine.submit(exchange)
        if isinstance(begun, Exchanged):
            await self._give_all_back(exchange.reservation_id, begun.record)
        if not isinstance(begun, Exchanging):
            return begun
        attempt = attempt_of(begun.record, exchange.attempt_id)
        if attempt is None:
            raise EngineBug(f"{exchange.reservation_id} has no attempt {exchange.attempt_id}")
        if attempt.is_disputed:
            return begun
        owed = Owed(attempt.attempt_id, attempt.amount_minor, begun.record.currency)
        outcome = await self._gateway.charge(owed.attempt_id, owed.amount_minor, owed.currency, payment_token)
        concluded = await self._conclude(exchange.reservation_id, owed, outcome)
        if isinstance(concluded, Paid):
            return Exchanged(now_ms=concluded.now_ms, replayed=begun.replayed, record=concluded.record)
        return concluded or begun

    async def refund(self, refund: Refund | RefundSome) -> RefundResult | RefundSomeResult:
        """Ends a paid reservation, or some of it, and refunds its money.

        RefundDue: the debt is written down, the gateway has not paid it yet, and `settle` goes on. Raises Fault.
        """
        result = await self._engine.submit(refund)
        if not isinstance(result, RefundDue):
            return result
        return await self._give_all_back(refund.reservation_id, result.record) or result

    async def _give_all_back(self, reservation_id: str, record: Record) -> Refunded | None:
        """Gives back what a reservation owes; the result if nothing is owed then."""
        for attempt in record.attempts:
            for due in attempt.due_refunds:
                refunded = await self._give_money_back(reservation_id, attempt, due)
                if refunded is not None and not any(each.due_refunds for each in refunded.record.attempts):
                    return refunded
        return None

    async def settle(self, reservation_id: str, *, pin_ms: int, in_flight_ms: int = 0) -> bool:
        """Takes each unfinished attempt of a reservation one step on; returns whether none is left.

        A cart decides about the attempts of its payment. About any other attempt, the gateway is asked. If it never saw
        the attempt, or the attempt is older than `pin_ms`, it is voided there before it fails here. A disputed attempt
        waits for a person to settle it. A charge may be in flight for `in_flight_ms` after its attempt began. Raises
        Fault.
        """
        found = await self._engine.submit(Find(reservation_id))
        if isinstance(found, NotFound):
            return True
        settled = True
        for attempt in found.record.attempts:
            age_ms = found.now_ms - attempt.started_ms
            if attempt.state is AttemptState.PENDING and age_ms < in_flight_ms:
                settled = False
            elif attempt.state is AttemptState.PENDING:
                settled &= await self._settle_pending(reservation_id, attempt, found.record.currency, age_ms >= pin_ms)
            for due in attempt.due_refunds:
                settled &= not attempt.is_disputed and bool(await self._give_money_back(reservation_id, attempt, due))
        return settled

    async def _settle_pending(self, reservation_id: str, attempt: Attempt, currency: str, outlived: bool) -> bool:
        """The same for one attempt that nobody knows the outcome of."""
        if cart_of_payment(attempt.attempt_id):
            return await self.carts.drive(reservation_id, attempt, outlived=outlived)
        if attempt.is_disputed:
            return False
        owed = Owed(attempt.attempt_id, attempt.amount_minor, currency)
        outcome = await self._ask(owed, outlived)
        concluded = await self._conclude(reservation_id, owed, outcome)
        if not isinstance(concluded, RefundDue):
            return concluded is not None
        late = attempt_of(concluded.record, attempt.attempt_id)
        due = late.due_refunds if late else []
        return late is not None and all([await self._give_money_back(reservation_id, late, each) for each in due])

    async def _ask(self, owed: Owed, outlived: bool) -> ChargeOutcome:
        """Ask for the outcome of an attempt; one that is no longer needed is voided."""
        if owed.amount_minor == 0:
            return free_charge(owed.currency)
        attempt_id = owed.attempt_id
        status = await self._gateway.status(attempt_id)
        if isinstance(status, NeverSeen) or (outlived and isinstance(status, Unknown)):
            # Only the gateway can make "not charged" final, against a charge that is still on its way.
            return await self._gateway.void(attempt_id)
        return status

    async def _conclude(
        self, reservation_id: str, owed: Owed, outcome: ChargeOutcome
    ) -> Paid | RefundDue | PaymentFailed | None:
        """Writes a charge's outcome down; None while it is unknown, and if it is disputed."""
        attempt_id = owed.attempt_id
        result: ConfirmPaymentResult | FailPaymentResult
        match outcome:
            case Completed() if not is_paid(outcome, owed.amount_minor, owed.currency):
                await open_dispute(self._engine, reservation_id, attempt_id, received(outcome), outcome.currency)
                self._observe(Outcome.DISPUTED)
                return None
            case Completed():
                result = await self.confirm(reservation_id, attempt_id)
            case Failed(reason):
                result = await self.fail(reservation_id, attempt_id, reason)
            case Unknown():
                self._observe(Outcome.UNKNOWN)
                log.info("payment_unknown", reservation_id=reservation_id, attempt_id=attempt_id)
                return None
            case _:
                assert_never(outcome)
        if not isinstance(result, Paid | RefundDue | PaymentFailed):
            raise EngineBug(f"attempt {attempt_id} is {outcome} at the gateway, but {result} here")
        self._observe_new(result, outcome.reason if isinstance(outcome, Failed) else None)
        return result

    def _observe_new(
        self, result: ConfirmPaymentResult | FailPaymentResult, reason: FailureReason | None = None
    ) -> None:
        """Counts the outcome of an attempt, once. `reason`: of one that failed."""
        if isinstance(result, Paid | RefundDue | PaymentFailed) and not result.replayed:
            late = Outcome.LATE if isinstance(result, RefundDue) else Outcome.COMPLETED
            self._observe(Outcome(reason) if reason else late)

    async def _give_money_back(self, reservation_id: str, attempt: Attempt, due: RefundPart) -> Refunded | None:
        """Refunds money of an attempt at the gateway, then here; None if the gateway does not say that it has."""
        outcome: RefundOutcome = GivenBack()
        if due.amount_minor > 0:
            outcome = await self._gateway.refund(attempt.attempt_id, ChargeRefund(due.refund_id, due.amount_minor))
        match outcome:
            case Unknown():
                self._observe(Outcome.REFUND_UNKNOWN)
                log.info("refund_unknown", reservation_id=reservation_id, attempt_id=attempt.attempt_id)
                return None
            case Refused():
                async with self._reconciling:
                    return await self._reconcile(reservation_id, attempt, due)
            case GivenBack():
                await self._before_settling()
                return await self._settle_refund(reservation_id, attempt, due)
            case _:
                assert_never(outcome)

    async def _reconcile(self, reservation_id: str, attempt: Attempt, due: RefundPart) -> Refunded | None:
        """A refund that the gateway refuses: what went back elsewhere counts as made, the rest is for a manager."""
        status = await self._gateway.status(attempt.attempt_id)
        if isinstance(status, Unknown):
            self._observe(Outcome.REFUND_UNKNOWN)
            return None
        found = await self._engine.submit(Find(reservation_id))
        currency = FIRST_CURRENCY if isinstance(found, NotFound) else found.record.currency
        charge = status if isinstance(status, Completed) else free_charge(currency)
        gone = sum(refund.amount for refund in charge.refunds)
        settled = await self._refunded_before(reservation_id, attempt)
        if gone - settled >= due.amount_minor > 0:
            log.warning("refunded_elsewhere", reservation_id=reservation_id, attempt_id=attempt.attempt_id)
            return await self._settle_refund(reservation_id, attempt, due)
        left = charge.amount_minor - gone
        log.error("refund_disputed", reservation_id=reservation_id, attempt_id=attempt.attempt_id, left_minor=left)
        await open_dispute(self._engine, reservation_id, attempt.attempt_id, left, charge.currency)
        self._observe(Outcome.DISPUTED)
        return None

    async def _refunded_before(self, reservation_id: str, attempt: Attempt) -> int:
        """The refunds of the attempt's payment that are known here, in minor units."""
        found = await self._engine.submit(Find(reservation_id))
        now = None if isinstance(found, NotFound) else attempt_of(found.record, attempt.attempt_id)
        others = await self.carts.attempts_beside(attempt.attempt_id, reservation_id)
        return sum(
            refund.amount_minor
            for each in ([now] if now else []) + others
            for refund in each.refunds
            if refund.settled_ms
        )

    async def _settle_refund(self, reservation_id: str, attempt: Attempt, due: RefundPart) -> Refunded:
        result = await self._engine.submit(SettleRefund(reservation_id, attempt.attempt_id, due.refund_id))
        if not isinstance(result, Refunded):
            raise EngineBug(f"attempt {attempt.attempt_id} is refunded at the gateway, but {result} here")
        if not result.replayed:
            self._observe(Outcome.REFUNDED)
        return result
