"""Pools, maps of sections, and their counters at one instant, as Lua reads and returns them."""

import msgspec


class PoolCapacity(msgspec.Struct, array_like=True, frozen=True):
    """The capacity of a pool: all its places, taken or not."""

    pool: str
    capacity: int


class SectionMap(msgspec.Struct, array_like=True, frozen=True):
    """A section, known by its pool, and its map (engine/seats.py)."""

    pool: str
    text: str


class SectionSeats(msgspec.Struct, array_like=True, frozen=True):
    """Seats of one section, known by its pool: their places in its map, from 1, in ascending order."""

    pool: str
    seats: list[int]


class PoolCounts(msgspec.Struct, array_like=True, frozen=True):
    """A pool at one instant: available + held + paying + sold + kept == capacity."""

    pool: str
    capacity: int
    available: int
    held: int
    paying: int
    sold: int
    kept: int


class TicketCounts(msgspec.Struct, array_like=True, frozen=True):
    """A ticket's pool at one instant: available + held + paying + sold + kept == capacity."""

    ticket_id: int
    capacity: int
    available: int
    held: int
    paying: int
    sold: int
    kept: int


class SlotCounts(msgspec.Struct, array_like=True, frozen=True):
    """A slot's pool at one instant: available + held + paying + sold + kept == capacity."""

    slot: str
    capacity: int
    available: int
    held: int
    paying: int
    sold: int
    kept: int


class CodeCounts(msgspec.Struct, array_like=True, frozen=True):
    """A code at one instant: its uses, what they save, and the places under it.

    `free` are set aside and not taken; of an allocation free + held + paying + sold + kept are its places.
    """

    code: str
    uses: int
    spent_minor: int
    held: int
    paying: int
    sold: int
    kept: int
    free: int


class OfferedTicket(msgspec.Struct, array_like=True, frozen=True):
    """A ticket under a code. `full_minor`: its price without it. `available`: -1 where that depends on the slot."""

    ticket_id: int
    unit_minor: int
    full_minor: int
    available: int
