"""The words of the domain that are stored and sent. Each is written once in Python; tests hold Lua to them."""

from enum import StrEnum
from typing import Final

CURRENCY: Final = "EUR"
"""The only currency. Amounts are integers in its minor unit (cents)."""


class State(StrEnum):
    """Where a reservation stands in its life."""

    HELD = "held"
    PAYING = "paying"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


class AttemptState(StrEnum):
    """Where a payment attempt stands."""

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


class FailureReason(StrEnum):
    """Why a payment attempt failed."""

    CARD_DECLINED = "card_declined"
    PAYMENT_FAILED = "payment_failed"


class EventStatus(StrEnum):
    """Whether an event sells. Only `on_sale` does, within its window."""

    DRAFT = "draft"
    ON_SALE = "on_sale"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class BookingState(StrEnum):
    """Where a booking stands, as it is stored. From its `expires_ms` on it reads `expired`, which is not stored."""

    BOOKED = "booked"
    CANCELLED = "cancelled"


class BookingFactWord(StrEnum):
    """What happened to a booking, as the outbox tells it."""

    BOOKED = "booked"
    MOVED = "moved"
    UNBOOKED = "unbooked"


class FactWord(StrEnum):
    """What happened to a reservation, as the outbox tells it."""

    HELD = "held"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PAYING = "paying"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"
