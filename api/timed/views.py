"""Bookings as the API shows them, and the details about visitors that it stores."""

import msgspec

from api.http.times import rfc3339
from api.timed import schemas
from engine.catalogue import EventSnapshot
from engine.records import Booking
from engine.slots import parse_slot, slot_start_ms, time_text
from engine.words import EventStatus


class BookerDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """Stored details about the visitor, as the engine's `details`; empty once they are erased.

    `customer_id`: the customer who booked, or for whom staff did, if any.
    """

    first_name: str = ""
    last_name: str = ""
    phone_number: str = ""
    customer_id: str = ""


_DETAILS = msgspec.json.Decoder(BookerDetails)


def decoded(booking: Booking) -> BookerDetails:
    """The details of a booking."""
    return _DETAILS.decode(booking.details)


def encoded(details: BookerDetails) -> str:
    """The details as the engine keeps them."""
    return msgspec.json.encode(details).decode()


def live_status(event: EventSnapshot) -> schemas.BookingStatus:
    """The status of bookings that have not expired. Cancelling an event ends its live bookings."""
    return "cancelled" if event.status is EventStatus.CANCELLED else "booked"


def ended_ms(event: EventSnapshot, now_ms: int) -> int:
    """At which instant bookings expired or did not: now, or when their event was cancelled."""
    return now_ms if event.cancelled_ms is None else event.cancelled_ms


def booking_view(event: EventSnapshot, booking: Booking, now_ms: int) -> schemas.Booking:
    """A booking at an instant, as the API shows it."""
    details = decoded(booking)
    day, at = parse_slot(booking.slot)
    expired = booking.is_expired_at(ended_ms(event, now_ms))
    return schemas.Booking(
        id=booking.booking_id,
        event_id=event.event_id,
        first_name=details.first_name,
        last_name=details.last_name,
        phone_number=details.phone_number,
        date=day.isoformat(),
        time=time_text(at),
        starts_at=rfc3339(slot_start_ms(booking.slot, event.timezone)),
        status="expired" if expired else live_status(event),
        expired=expired,
        created_at=rfc3339(booking.created_ms),
    )
