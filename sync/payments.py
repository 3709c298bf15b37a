"""The way of money: from a hold to paid, and back.

The attempt is written before the gateway is called, and the gateway is called before its outcome is written. Whatever
dies between two of these steps, the attempt remains as pending or refund_due, and `settle` takes it to its end. Every
step is safe to repeat and safe beside another process that does the same.
"""

from typing import assert_never

import structlog

from engine.carts import cart_of_payment
from engine.commands import (
    BeginPayment,
    BeginPaymentResult,
    ConfirmPayment,
    ConfirmPaymentResult,
    FailPayment,
    FailPaymentResult,
    Find,
    Refund,
    RefundResult,
    SettleRefund,
)
from engine.engine import Engine
from engine.faults import EngineBug
from engine.records import Attempt, Record
from engine.results import NotFound, Paid, Paying, PaymentFailed, RefundDue, Refunded
from engine.words import CURRENCY, AttemptState, FailureReason, State
from sync.carts import CartPayments, attempt_of
from sync.gateway import ChargeOutcome, ChargeRefund, Completed, Failed, Gateway, NeverSeen, RefundOutcome, Unknown
from sync.outcomes import Observe, Outcome, observe_nothing

log = structlog.get_logger(__name__)

PayResult = BeginPaymentResult
"""What paying comes to. Paying: the outcome is not known yet, and the places stay pinned."""


class Payments:
    """Payments and refunds over an engine and a gateway. Has no state of its own."""

    def __init__(self, engine: Engine, gateway: Gateway, observe: Observe = observe_nothing) -> None:
        self._engine = engine
        self._gateway = gateway
        self._observe = observe
        self.carts = CartPayments(engine, gateway, observe)

    async def pay(self, begin: BeginPayment, payment_token: str) -> PayResult:
        """Begins an attempt, charges, and tells what came of it; a repeat of the same attempt drives it on.

        To be run to its end when the customer goes away. Raises Fault; if that was after the charge, the reservation
        stays paying and `settle` finishes it.
        """
        begun = await self._engine.submit(begin)
        if not isinstance(begun, Paying):
            return begun
        if begin.amount_minor == 0:
            outcome: ChargeOutcome = Completed()  # free places: there is nothing to ask a gateway for
        elif begun.record.state is State.PAYING:
            outcome = await self._gateway.charge(begin.attempt_id, begin.amount_minor, CURRENCY, payment_token)
        else:
            # A late success of an earlier attempt has paid meanwhile: this one is not wanted any more.
            outcome = await self._gateway.void(begin.attempt_id)
        return await self._conclude(begin.reservation_id, begin.attempt_id, outcome) or begun

    async def confirm(self, reservation_id: str, attempt_id: str) -> ConfirmPaymentResult:
        """Writes down that the gateway has taken an attempt's money. RefundDue: `settle` returns it. Raises Fault."""
        return await self._engine.submit(ConfirmPayment(reservation_id, attempt_id))

    async def fail(self, reservation_id: str, attempt_id: str, reason: FailureReason) -> FailPaymentResult:
        """Writes down that the gateway will never take the attempt's money. Raises Fault."""
        return await self._engine.submit(FailPayment(reservation_id, attempt_id, reason))

    async def called_back(self, reservation_id: str, attempt_id: str, *, completed: bool) -> bool:
        """The gateway tells how an attempt of one reservation ended; False if it had ended the other way before.

        `completed` of an attempt that failed here is money that came late, if the gateway's books have it too: places
        are taken anew, or it goes back. An attempt that failed is voided, so that nothing can come of it any more, and
        its hold is given back. Raises Fault.
        """
        found = await self._engine.submit(Find(reservation_id))
        attempt = None if isinstance(found, NotFound) else attempt_of(found.record, attempt_id)
        if attempt is None:
            return False
        if completed:
            if attempt.state is AttemptState.FAILED and await self._gateway.status(attempt_id) != Completed():
                return False
            self._observe_new(await self.confirm(reservation_id, attempt_id))
            return True
        if attempt.state is AttemptState.PENDING and await self._gateway.void(attempt_id) == Completed():
            await self._conclude(reservation_id, attempt_id, Completed())
            return False
        fail = FailPayment(reservation_id, attempt_id, FailureReason.PAYMENT_FAILED, give_back=True)
        failed = await self._engine.submit(fail)
        self._observe_new(failed, FailureReason.PAYMENT_FAILED)
        return isinstance(failed, PaymentFailed)

    async def refund(self, refund: Refund) -> RefundResult:
        """Ends a paid reservation and gives its money back.

        RefundDue: the debt is written down, the gateway has not paid it yet, and `settle` goes on. Raises Fault.
        """
        result = await self._engine.submit(refund)
        if not isinstance(result, RefundDue):
            return result
        for attempt in _attempts(result.record, AttemptState.REFUND_DUE):
            refunded = await self._give_money_back(refund.reservation_id, attempt)
            if refunded is not None and refunded.record.state is State.REFUNDED:
                return refunded
        return result

    async def settle(self, reservation_id: str, *, pin_ms: int) -> bool:
        """Takes each unfinished attempt of a reservation one step on; tells whether none is left.

        What the cart says is done to an attempt of its payment. Any other is asked about at the gateway: one that it
        has never seen, or that is older than `pin_ms`, is voided there before it fails here. To be called only when no
        charge of it is in flight. Raises Fault.
        """
        found = await self._engine.submit(Find(reservation_id))
        if isinstance(found, NotFound):
            return True
        settled = True
        for attempt in _attempts(found.record, AttemptState.PENDING):
            outlived = found.now_ms - attempt.started_ms >= pin_ms
            if cart_of_payment(attempt.attempt_id):
                settled &= await self.carts.drive(reservation_id, attempt, outlived=outlived)
                continue
            outcome = await self._ask(attempt, outlived)
            concluded = await self._conclude(reservation_id, attempt.attempt_id, outcome)
            if isinstance(concluded, RefundDue):
                settled &= await self._give_money_back(reservation_id, attempt) is not None
            settled &= concluded is not None
        for attempt in _attempts(found.record, AttemptState.REFUND_DUE):
            settled &= await self._give_money_back(reservation_id, attempt) is not None
        return settled

    async def _ask(self, attempt: Attempt, outlived: bool) -> ChargeOutcome:
        """What became of an attempt; one that need not come any more is prevented from coming."""
        if attempt.amount_minor == 0:
            return Completed()
        attempt_id = attempt.attempt_id
        status = await self._gateway.status(attempt_id)
        if isinstance(status, NeverSeen) or (outlived and isinstance(status, Unknown)):
            # Only the gateway can make "not charged" final, against a charge that is still on its way.
            return await self._gateway.void(attempt_id)
        return status

    async def _conclude(
        self, reservation_id: str, attempt_id: str, outcome: ChargeOutcome
    ) -> Paid | RefundDue | PaymentFailed | None:
        """Writes a charge's outcome down; None while it is unknown."""
        result: ConfirmPaymentResult | FailPaymentResult
        match outcome:
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
        """Counts what came of an attempt, once. `reason`: of one that failed."""
        if isinstance(result, Paid | RefundDue | PaymentFailed) and not result.replayed:
            late = Outcome.LATE if isinstance(result, RefundDue) else Outcome.COMPLETED
            self._observe(Outcome(reason) if reason else late)

    async def _give_money_back(self, reservation_id: str, attempt: Attempt) -> Refunded | None:
        """Refunds an attempt at the gateway, then here; None if the gateway does not say that it has."""
        outcome: RefundOutcome = Completed()
        if attempt.amount_minor > 0:
            outcome = await self._gateway.refund(attempt.attempt_id, _refund_of(reservation_id, attempt))
        match outcome:
            case Unknown():
                self._observe(Outcome.REFUND_UNKNOWN)
                log.info("refund_unknown", reservation_id=reservation_id, attempt_id=attempt.attempt_id)
                return None
            case Completed():
                result = await self._engine.submit(SettleRefund(reservation_id, attempt.attempt_id))
            case _:
                assert_never(outcome)
        if not isinstance(result, Refunded):
            raise EngineBug(f"attempt {attempt.attempt_id} is refunded at the gateway, but {result} here")
        if not result.replayed:
            self._observe(Outcome.REFUNDED)
        return result


def _attempts(record: Record, state: AttemptState) -> list[Attempt]:
    return [attempt for attempt in record.attempts if attempt.state is state]


def _refund_of(reservation_id: str, attempt: Attempt) -> ChargeRefund:
    """What goes back of an attempt: all that it paid for this reservation."""
    by_callback = cart_of_payment(attempt.attempt_id) is not None
    return ChargeRefund(id=reservation_id, amount=attempt.amount_minor, by_callback=by_callback)
