"""Outcomes of payments and refunds, for metrics."""

from collections.abc import Callable
from enum import StrEnum


class Outcome(StrEnum):
    """The outcome of a step of a payment.

    `unknown` and `refund_unknown` are asked about again, and count each time.
    """

    COMPLETED = "completed"
    CARD_DECLINED = "card_declined"
    PAYMENT_FAILED = "payment_failed"
    LATE = "late"
    UNKNOWN = "unknown"
    DISPUTED = "disputed"
    REFUNDED = "refunded"
    REFUND_UNKNOWN = "refund_unknown"


Observe = Callable[[Outcome], None]


def observe_nothing(_outcome: Outcome) -> None:
    """A callback for processes that publish no metrics of payments."""
