"""Results of payment attempts."""

from engine.results.result import OnRecord, Result


class Paying(OnRecord, frozen=True, tag="paying"):
    """The reservation is pinned for the attempt that was asked for."""


class Paid(OnRecord, frozen=True, tag="paid"):
    """The places are sold."""


class PaymentFailed(OnRecord, frozen=True, tag="payment_failed"):
    """The attempt failed; the record says why, and whether the hold stays valid."""


class Disputed(OnRecord, frozen=True, tag="disputed"):
    """It is written down what the gateway has of the attempt's money, or what somebody decided about it."""


class TooManyAttempts(Result, frozen=True, tag="too_many_attempts"):
    """That many payment attempts of the reservation have failed; it cannot be paid any more."""

    limit: int


class AmountMismatch(Result, frozen=True, tag="amount_mismatch"):
    """The amount is not the reservation's total."""

    total_minor: int
    currency: str


class UnknownAttempt(Result, frozen=True, tag="unknown_attempt"):
    """The reservation has no such payment attempt."""


class PaymentSettled(Result, frozen=True, tag="payment_settled"):
    """The attempt had the opposite outcome before."""
