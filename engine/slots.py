"""Slots: pools of timed events that are named after their local date and time, and ids of the bookings of their places.

A slot is known by what the event's calendar shows, like `2027-09-12T13:30`. When that is follows from the rules of the
day (engine/time_zones.py): the rules of time zones change, and a slot must stay the same one.
"""

import re
from datetime import date, datetime, time
from typing import NamedTuple, Self

from engine.time_zones import start_ms, time_zone

_BOOKING_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_PREFIX = "slot:"

_VISIT = re.compile(r"([1-9][0-9]*)-[A-Za-z0-9_-]+/(slot:[0-9T:-]+)/([0-9]+)/(.*)", re.ASCII | re.DOTALL)

_PHONE_PREFIX = "tel "
"""Ids of customers have no space."""


class Visit(NamedTuple):
    """Places of a slot that a customer has bought; they count for the customer until the slot is purged."""

    event_id: int
    pool: str
    places: int
    customer_id: str

    @classmethod
    def parse(cls, member: str) -> Self | None:
        """Parse a member of `purges` (lua/26_slots.lua); None for that of a booking."""
        match = _VISIT.fullmatch(member)
        return cls(int(match[1]), match[2], int(match[3]), match[4]) if match else None


def time_text(at: time) -> str:
    """HH:MM, with the seconds only where there are any."""
    return at.isoformat("seconds" if at.second else "minutes")


def slot_text(day: date, at: time) -> str:
    """The one spelling of a slot: `2027-09-12T13:30`. Slots in the order of their texts are in that of the calendar."""
    return f"{day.isoformat()}T{time_text(at)}"


def parse_slot(slot: str) -> tuple[date, time]:
    """The local date and time of a slot. Raises ValueError."""
    day, _, at = slot.partition("T")
    return date.fromisoformat(day), time.fromisoformat(at)


def is_slot(text: str) -> bool:
    """True for the text of a slot."""
    try:
        parse_slot(text)
    except ValueError:
        return False
    return True


def slot_start_ms(slot: str, timezone: str) -> int:
    """When a slot begins by the rules of the day, in ms since 1970. `timezone`: the IANA name of its event's."""
    return start_ms(time_zone(timezone), *parse_slot(slot))


def local_slot(instant_ms: int, timezone: str) -> str:
    """The local date and time in a zone at an instant, to the second, as a slot's text."""
    local = datetime.fromtimestamp(instant_ms // 1000, time_zone(timezone))
    return slot_text(local.date(), local.time())


def slot_pool(slot: str) -> str:
    """The pool of a slot."""
    return f"{_PREFIX}{slot}"


def slot_of_pool(pool: str) -> str | None:
    """Undoes slot_pool; None for a pool of another kind."""
    return pool.removeprefix(_PREFIX) if pool.startswith(_PREFIX) else None


def phone_customer(phone: str) -> str:
    """Under which name `customers` counts the bookings of a phone number (lua/28_bookings.lua)."""
    return f"{_PHONE_PREFIX}{phone}"


def is_booking_id(text: str) -> bool:
    """True for a UUID in canonical spelling, as booking ids are."""
    return _BOOKING_ID.fullmatch(text) is not None
