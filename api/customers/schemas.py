"""Everything known of a customer."""

from typing import Any, ClassVar

import msgspec

from api.audit_log.schemas import AuditLogEntry
from api.http.types import Number, Timestamp
from api.queue.schemas import QueuePlace
from api.sales.schemas import Reservation
from api.timed.schemas import Booking
from api.waiting.schemas import WaitingEntry
from engine.words import CodeKind, Direction, EticketState, ScanResult


class Erasure(msgspec.Struct, frozen=True):
    """The erasure of a customer's names, phones and contacts; `done_at` is null while some may be left."""

    customer_id: str
    requested_at: Timestamp
    done_at: Timestamp | None

    EXAMPLE: ClassVar[Any] = {"customer_id": "22", "requested_at": "2027-06-01T10:00:00Z", "done_at": None}


class MessageAbout(msgspec.Struct, frozen=True):
    """A webhook message about a reservation or a booking of the customer; `body` as it was sent."""

    at: Timestamp
    webhook_id: int
    event: str
    status: str
    body: str


class EticketAbout(msgspec.Struct, frozen=True):
    """An e-ticket of a reservation of the customer, and the names of its holder."""

    serial: int
    reservation_id: str
    first_name: str | None
    last_name: str | None
    status: EticketState


class CheckInAbout(msgspec.Struct, frozen=True):
    """A scan of one of these e-tickets."""

    serial: int
    gate: str
    direction: Direction
    result: ScanResult
    scanned_at: Timestamp


class UnwrittenFact(msgspec.Struct, frozen=True):
    """A fact about the customer that could not be written to its tables; `fact` in base64."""

    at: Timestamp
    partition: Number
    epoch: Number
    sequence: Number
    error: str
    fact: str


class OwnCode(msgspec.Struct, frozen=True):
    """A code that only the customer may use."""

    event_id: int
    code: str
    kind: CodeKind
    tag: str | None
    created_at: Timestamp


class CustomerData(msgspec.Struct, frozen=True):
    """Everything known of a customer, newest first; not `complete` if there is more than one answer shows."""

    customer_id: str
    complete: bool
    reservations: list[Reservation]
    etickets: list[EticketAbout]
    check_ins: list[CheckInAbout]
    bookings: list[Booking]
    waiting_lists: list[WaitingEntry]
    codes: list[OwnCode]
    queue_places: list[QueuePlace]
    messages: list[MessageAbout]
    audit_log: list[AuditLogEntry]
    unwritten_facts: list[UnwrittenFact]
    erasure: Erasure | None

    EXAMPLE: ClassVar[Any] = {
        "customer_id": "22",
        "complete": True,
        "reservations": [Reservation.EXAMPLE],
        "etickets": [],
        "check_ins": [],
        "bookings": [Booking.EXAMPLE],
        "waiting_lists": [WaitingEntry.EXAMPLE],
        "codes": [],
        "queue_places": [QueuePlace.EXAMPLE],
        "messages": [],
        "audit_log": [],
        "unwritten_facts": [],
        "erasure": None,
    }
