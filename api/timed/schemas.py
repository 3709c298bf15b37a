"""Answers about timed events: slots and bookings."""

from typing import Any, ClassVar, Literal

import msgspec

from api.http.types import LocalDate, LocalTime, Number, Timestamp


class Slot(msgspec.Struct, gc=False, frozen=True):
    """A slot with its counts; `held` includes places being paid, `sold` includes bookings."""

    date: LocalDate
    time: LocalTime
    starts_at: Timestamp
    capacity: Number
    available: Number
    held: Number
    sold: Number
    kept: Number

    EXAMPLE: ClassVar[Any] = {
        "date": "2027-09-12",
        "time": "13:30",
        "starts_at": "2027-09-12T11:30:00Z",
        "capacity": 20,
        "available": 19,
        "held": 0,
        "sold": 1,
        "kept": 0,
    }


BookingStatus = Literal["booked", "expired", "cancelled"]


class Booking(msgspec.Struct, gc=False, frozen=True):
    """A place in a slot, taken free of charge; `cancelled` with its event."""

    id: str
    event_id: int
    first_name: str
    last_name: str
    phone_number: str
    date: LocalDate
    time: LocalTime
    starts_at: Timestamp
    status: BookingStatus
    expired: bool
    created_at: Timestamp

    EXAMPLE: ClassVar[Any] = {
        "id": "8a1f4c1e-5b0d-4c55-9a35-0d8c1f2b3a49",
        "event_id": 4,
        "first_name": "Milind",
        "last_name": "Rao",
        "phone_number": "9334556789",
        "date": "2027-09-12",
        "time": "13:30",
        "starts_at": "2027-09-12T11:30:00Z",
        "status": "booked",
        "expired": False,
        "created_at": "2027-09-01T10:00:00Z",
    }
