"""Results about bookings and slots."""

from engine.records import Booking
from engine.results.result import Result
from engine.stock import SlotCounts


class OnBooking(Result, frozen=True):
    """An answer about an existing booking; `now_ms` and `replayed` as in OnRecord."""

    now_ms: int
    replayed: bool
    booking: Booking


class Booked(OnBooking, frozen=True, tag="booked"):
    """A place of the slot is taken. Of a repeat, the booking may have been changed or deleted since."""


class Moved(OnBooking, frozen=True, tag="moved"):
    """The booking is at the slot, and has the details, that were asked for."""


class Unbooked(OnBooking, frozen=True, tag="unbooked"):
    """The booking is deleted and its place free."""


class BookingErased(OnBooking, frozen=True, tag="booking_erased"):
    """The visitor's details are those that were asked for, and no phone number is kept."""


class BookingFound(OnBooking, frozen=True, tag="booking_found"):
    """The booking as it is."""


class SlotsCounted(Result, frozen=True, tag="slots_counted"):
    """The counters of slots, in the order in which they were asked for."""

    now_ms: int
    slots: list[SlotCounts]


class Purged(Result, frozen=True, tag="purged"):
    """The numbers of bookings and slots removed and of slots kept. `more`: there may be more to remove."""

    bookings: int
    slots: int
    kept: int
    more: bool


class SlotFull(Result, frozen=True, tag="slot_full"):
    """All places of the slot are taken."""

    capacity: int


class SlotPast(Result, frozen=True, tag="slot_past"):
    """The slot has begun."""


class SlotNotScheduled(Result, frozen=True, tag="slot_not_scheduled"):
    """The event's schedule has no such slot, by its local date and time."""

    slot: str


class BookingChanged(Result, frozen=True, tag="booking_changed"):
    """The booking is in another state than the one that the change was made from."""


class BookingExpired(Result, frozen=True, tag="booking_expired"):
    """The booking's slot is so long past that it cannot be changed any more."""
