"""Bodies and queries of bookings."""

import re
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.catalogue.schedule import DateText, TimeText
from api.http.pagination import PageQuery
from api.http.problems import invalid
from api.http.text import CustomerId, Text
from api.timed import schemas

_PHONE = re.compile(r"\d{10}|\+[1-9]\d{6,14}", re.ASCII)
"""Ten digits, or E.164: a plus, then 7 to 15 digits with the country's code first."""

PhoneNumber = Annotated[str, Meta(max_length=20, extra_json_schema={"pattern": r"^([0-9]{10}|\+[1-9][0-9]{6,14})$"})]
"""Looked at more closely once the body is read."""


class BookingCustomer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The customer for whom a service or a manager books: limits and the waiting room count for it."""

    id: CustomerId


class NewBooking(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Body of POST /v1/events/{event_id}/bookings. Date and time are local to the event.

    `customer`: only a service or a manager may name another one than itself, or none.
    """

    first_name: Text
    last_name: Text
    phone_number: PhoneNumber
    date: DateText
    time: TimeText
    customer: BookingCustomer | None = None

    EXAMPLE: ClassVar[Any] = {
        name: schemas.Booking.EXAMPLE[name] for name in ("first_name", "last_name", "phone_number", "date", "time")
    }


class BookingPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/events/{event_id}/bookings/{booking_id}: missing fields stay."""

    first_name: Text | UnsetType = UNSET
    last_name: Text | UnsetType = UNSET
    phone_number: PhoneNumber | UnsetType = UNSET
    date: DateText | UnsetType = UNSET
    time: TimeText | UnsetType = UNSET

    EXAMPLE: ClassVar[Any] = {"time": "16:15"}


class BookingsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/events/{event_id}/bookings."""

    date: DateText | None = None
    time: TimeText | None = None
    status: schemas.BookingStatus | None = None


def check_phone(text: str) -> str:
    """The phone number, if it is one. Raises Problem invalid."""
    if not _PHONE.fullmatch(text):
        raise invalid("phone_number", "must have 10 digits, like 9334556789, or be E.164, like +48123456789")
    return text
