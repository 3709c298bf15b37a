"""Commands for the attempts to pay a reservation."""

from engine.commands.command import OnReservation
from engine.records import Record
from engine.results.events import SaleClosed
from engine.results.limits import RateLimited
from engine.results.payments import (
    AmountMismatch,
    Disputed,
    Paid,
    Paying,
    PaymentFailed,
    PaymentSettled,
    TooManyAttempts,
    UnknownAttempt,
)
from engine.results.refunds import RefundDue
from engine.results.reservations import AlreadyCancelled, Expired, KeyReused, NotFound, NotHeld, PaymentInProgress

BeginPaymentResult = (
    Paying
    | Paid
    | PaymentFailed
    | RefundDue
    | NotFound
    | KeyReused
    | SaleClosed
    | Expired
    | AlreadyCancelled
    | NotHeld
    | AmountMismatch
    | PaymentInProgress
    | TooManyAttempts
    | RateLimited
)

ConfirmPaymentResult = Paid | RefundDue | NotFound | UnknownAttempt

FailPaymentResult = PaymentFailed | NotFound | UnknownAttempt | PaymentSettled

DisputeResult = Disputed | NotFound | UnknownAttempt | PaymentSettled


class BeginPayment(OnReservation[BeginPaymentResult], frozen=True, tag="begin_payment"):
    """Pins a hold for one payment attempt. `attempt_id` is the gateway's idempotency key; `archived`: as of Refund."""

    attempt_id: str
    amount_minor: int
    digest: str
    archived: Record | None = None


class ConfirmPayment(OnReservation[ConfirmPaymentResult], frozen=True, tag="confirm_payment"):
    """Reports that the gateway has taken the attempt's money."""

    attempt_id: str


class FailPayment(OnReservation[FailPaymentResult], frozen=True, tag="fail_payment"):
    """Reports that the gateway will never take the attempt's money. `give_back`: the hold ends with it, in one step."""

    attempt_id: str
    reason: str
    give_back: bool = False


class DisputePayment(OnReservation[DisputeResult], frozen=True, tag="dispute_payment"):
    """Reports that the gateway has another amount of an attempt than is owed; `note`: the decision about it."""

    attempt_id: str
    received_minor: int
    received_currency: str
    note: str = ""
