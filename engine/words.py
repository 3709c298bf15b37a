"""The words of the domain that are stored and sent. Each is written once in Python; tests hold Lua to them."""

from enum import StrEnum


class State(StrEnum):
    """The state of a reservation."""

    HELD = "held"
    PAYING = "paying"
    PAID = "paid"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


class CodeKind(StrEnum):
    """The kind of a code: it opens tickets, makes them cheaper, or has places set aside."""

    ACCESS = "access"
    DISCOUNT = "discount"
    ALLOCATION = "allocation"


class DiscountForm(StrEnum):
    """The terms of a discount. `none`: the code is of another kind."""

    NONE = ""
    PERCENT = "percent"
    AMOUNT_OFF = "amount_off"
    PRICE = "price"


class AttemptState(StrEnum):
    """The state of a payment attempt."""

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
    """The sales status of an event. Only `on_sale` sells, within its window; `cancelled` is final."""

    DRAFT = "draft"
    ON_SALE = "on_sale"
    PAUSED = "paused"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class QueuePhase(StrEnum):
    """The phase of a waiting room."""

    CLOSED = "closed"
    GATHERING = "gathering"
    SERVING = "serving"
    PAUSED = "paused"
    OVER = "over"


class QueueEnd(StrEnum):
    """The reason why a waiting room is over."""

    SOLD_OUT = "sold_out"
    SALE_CLOSED = "sale_closed"
    CANCELLED = "cancelled"


class WaitingState(StrEnum):
    """The state of an entry of a waiting list.

    `offered` while its reservation can be paid, `taken` once it is; `declined` by the customer. `ended`: the offer
    expired, the list is over, or the customer may not have so many places any more.
    """

    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    DECLINED = "declined"
    ENDED = "ended"


class WaitingFactWord(StrEnum):
    """The kinds of facts about waiting lists in the outbox."""

    WAITING = "waiting"
    OFFERED = "offered"
    TAKEN = "taken"
    DECLINED = "declined"
    ENDED = "ended"
    ERASED = "erased"


class QueueFactWord(StrEnum):
    """The kinds of facts about waiting rooms in the outbox."""

    OPENED = "opened"
    JOINED = "joined"
    DRAWN = "drawn"
    ENTERED = "entered"
    LEFT = "left"


class EticketState(StrEnum):
    """The state of an e-ticket: nobody came in with it, its holder is inside or went out, or it no longer admits."""

    VALID = "valid"
    IN = "in"
    OUT = "out"
    VOID = "void"


class Direction(StrEnum):
    """The way through a door."""

    IN = "in"
    OUT = "out"


class ScanResult(StrEnum):
    """The answer to a gate that scanned a code."""

    ADMITTED = "admitted"
    ALREADY_IN = "already_in"
    VOID = "void"
    OTHER_EVENT = "other_event"
    UNKNOWN = "unknown"
    NOT_YET = "not_yet"


class EticketFactWord(StrEnum):
    """The kinds of facts about e-tickets in the outbox."""

    ISSUED = "issued"
    VOIDED = "voided"
    TRANSFERRED = "transferred"
    ENTERED = "entered"
    LEFT = "left"
    ERASED = "erased"


class BookingState(StrEnum):
    """The stored state of a booking. From its `expires_ms` on it reads `expired`, which is not stored."""

    BOOKED = "booked"
    CANCELLED = "cancelled"


class BookingFactWord(StrEnum):
    """The kinds of facts about bookings in the outbox."""

    BOOKED = "booked"
    MOVED = "moved"
    UNBOOKED = "unbooked"
    ERASED = "erased"


class FactWord(StrEnum):
    """The kinds of facts about reservations in the outbox."""

    HELD = "held"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PAYING = "paying"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    DISPUTED = "disputed"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"
    RESTOCKED = "restocked"
    EXCHANGING = "exchanging"
    EXCHANGED = "exchanged"
    ERASED = "erased"
