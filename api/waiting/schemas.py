"""Answers about waiting lists."""

from typing import Any, ClassVar

import msgspec

from api.http.types import Number, Timestamp
from api.sales.schemas import Customer
from engine.words import WaitingState


class Contact(msgspec.Struct, frozen=True):
    """The address to which offers are sent; null once it was erased."""

    email: str | None


class WaitingEntry(msgspec.Struct, frozen=True):
    """A place in the line of a ticket. `position` is from 1, and null unless it waits.

    `reservation_id` is there once places were offered, `offer_expires_at` until when they can be paid for.
    """

    id: str
    event_id: int
    ticket_id: int
    quantity: Number
    customer: Customer
    contact: Contact
    status: WaitingState
    position: Number | None
    reservation_id: str | None
    offer_expires_at: Timestamp | None
    created_at: Timestamp

    EXAMPLE: ClassVar[Any] = {
        "id": "1-01k2m3n4p5q6r7s8",
        "event_id": 6,
        "ticket_id": 9,
        "quantity": 2,
        "customer": Customer.EXAMPLE,
        "contact": {"email": "islom@example.com"},
        "status": "waiting",
        "position": 14,
        "reservation_id": None,
        "offer_expires_at": None,
        "created_at": "2027-06-01T10:00:00Z",
    }
