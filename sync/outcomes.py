"""What payments and refunds come to, for whoever counts them."""

from collections.abc import Callable
from enum import StrEnum


class Outcome(StrEnum):
    """What a step of a payment came to. `unknown` and `refund_unknown` are asked about again, and count each time."""

    COMPLETED = "completed"
    CARD_DECLINED = "card_declined"
    PAYMENT_FAILED = "payment_failed"
    LATE = "late"
    UNKNOWN = "unknown"
    REFUNDED = "refunded"
    REFUND_UNKNOWN = "refund_unknown"


Observe = Callable[[Outcome], None]


def observe_nothing(_outcome: Outcome) -> None:
    """For processes that publish no metrics of payments."""
