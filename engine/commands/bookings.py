"""Commands on bookings of slots, and on slots."""

from typing import Generic

from engine.commands.command import Command, OnEvent, R
from engine.results.bookings import (
    Booked,
    BookingChanged,
    BookingErased,
    BookingExpired,
    BookingFound,
    Moved,
    Purged,
    SlotFull,
    SlotNotScheduled,
    SlotPast,
    SlotsCounted,
    Unbooked,
)
from engine.results.events import NotOnSaleYet, SaleClosed, SalePaused, UnknownPool
from engine.results.limits import LimitExceeded, RateLimited
from engine.results.reservations import KeyReused, NotFound
from engine.results.waiting_rooms import NotYourTurn, PassExpired, QueueRequired


class OnBooking(OnEvent[R], Generic[R], frozen=True):
    """A command on one booking of an event. Its id is a UUID (engine/slots.py)."""

    booking_id: str


BookResult = (
    Booked
    | RateLimited
    | KeyReused
    | UnknownPool
    | SaleClosed
    | SalePaused
    | NotOnSaleYet
    | SlotNotScheduled
    | SlotPast
    | QueueRequired
    | NotYourTurn
    | PassExpired
    | LimitExceeded
    | SlotFull
)

MoveResult = (
    Moved
    | RateLimited
    | NotFound
    | BookingExpired
    | SaleClosed
    | BookingChanged
    | SalePaused
    | NotOnSaleYet
    | SlotNotScheduled
    | SlotPast
    | QueueRequired
    | NotYourTurn
    | PassExpired
    | LimitExceeded
    | SlotFull
)

UnbookResult = Unbooked | NotFound | BookingExpired | BookingChanged


class Book(OnBooking[BookResult], frozen=True, tag="book"):
    """Takes a place of a slot at once, without payment. `digest` tells a repeat from another request.

    `slot` is its local date and time, `start_ms` its instant. `customer_id` and `address` are the
    caller and its address; empty if unknown or not limited. `max_per_customer` counts for the customer and for
    `phone`, too. `key`: as of Hold.
    """

    takes = True

    slot: str
    start_ms: int
    details: str
    digest: str
    phone: str = ""
    customer_id: str = ""
    address: str = ""
    key: str = ""


class Move(OnBooking[MoveResult], frozen=True, tag="move"):
    """Changes a booking in one step: to another slot (empty: stays), to other details (empty: stay), or both.

    `phone` goes with the details. `changed_ms`: the state that the change was made from; 0: whatever it is.
    The rest as of Book.
    """

    takes = True

    slot: str = ""
    start_ms: int = 0
    details: str = ""
    phone: str = ""
    changed_ms: int = 0
    customer_id: str = ""
    address: str = ""


class Unbook(OnBooking[UnbookResult], frozen=True, tag="unbook"):
    """Deletes a booking. `request_id` tells the repeat of a request, which has the same answer, from another one.

    `changed_ms`: the state to delete; 0: any state.
    """

    request_id: str
    changed_ms: int = 0


class EraseBooking(OnBooking[BookingErased | NotFound], frozen=True, tag="erase_booking"):
    """Replaces the visitor's details, and forgets the phone number; nothing else changes."""

    details: str


class FindBooking(OnBooking[BookingFound | NotFound], frozen=True, tag="find_booking"):
    """Reads a booking as it is at this instant."""

    reads = True


class CountSlots(OnEvent[SlotsCounted | UnknownPool], frozen=True, tag="count_slots"):
    """Reads the counters of slots."""

    reads = True

    slots: list[str]


class PurgeSlots(Command[Purged], frozen=True, tag="purge_slots"):
    """Removes a slice of what is long past in a partition; `skip`: passes over slots that were kept before."""

    skip: int = 0
