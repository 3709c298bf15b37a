"""Slots: pools of timed events that are named after their start, and ids of the bookings of their places."""

import re
from typing import NamedTuple, Self

_BOOKING_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_SLOT = re.compile(r"t([1-9][0-9]{0,13})", re.ASCII)

_VISIT = re.compile(r"([1-9][0-9]*)-[A-Za-z0-9_-]+/(t[0-9]+)/([0-9]+)/(.*)", re.ASCII | re.DOTALL)


class Visit(NamedTuple):
    """Places of a slot that a customer has bought; they count for the customer until the slot is purged."""

    event_id: int
    pool: str
    places: int
    customer_id: str

    @classmethod
    def parse(cls, member: str) -> Self | None:
        """From a member of `purges` (lua/26_slots.lua); None for that of a booking."""
        match = _VISIT.fullmatch(member)
        return cls(int(match[1]), match[2], int(match[3]), match[4]) if match else None


def slot_pool(start_ms: int) -> str:
    """The pool of the slot that begins at an instant, ms since 1970."""
    return f"t{start_ms}"


def slot_start_ms(pool: str) -> int | None:
    """Undoes slot_pool; None for a pool of another kind."""
    match = _SLOT.fullmatch(pool)
    return int(match[1]) if match else None


def is_booking_id(text: str) -> bool:
    """Whether it is a UUID in its one spelling, as ids of bookings are."""
    return _BOOKING_ID.fullmatch(text) is not None
