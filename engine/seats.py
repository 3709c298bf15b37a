"""Seats: how a section's rows become the text of a map, and a seat's id its place in that text.

A map has one character per seat, rows in the order of the manifest, a line break between rows. Places count from 1. The
ids of a row's seats follow one another, so that neither a map nor a manifest names each seat.
"""

from bisect import bisect_right
from collections.abc import Iterable
from functools import cached_property
from hashlib import blake2b

import msgspec

from engine.words import State

AVAILABLE = "a"
HELD = "h"
PAYING = "p"
SOLD = "s"
KEPT = "k"
BLOCKED = "b"
LENT = {HELD: "H", PAYING: "P", SOLD: "S", KEPT: "K"}
"""The characters of a seat that was sold although it was blocked: when it is given back, it is blocked again."""

SEAT_OF = {State.HELD: HELD, State.PAYING: PAYING, State.PAID: SOLD}
"""The character of a seat, by the state of the reservation that has it; of one that is kept off sale it is KEPT."""


class SeatSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """A seat's label and flags, as far as they are known. `x` and `y` are its place on a plan.

    `label` is what stands on the seat; empty: its number. `external_id`: its id in the plan that it came with.
    """

    label: str = ""
    accessible: bool | None = None
    companion: bool | None = None
    restricted_view: bool | None = None
    x: float | None = None
    y: float | None = None
    external_id: str | None = None


class RowSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """A row: its seats are numbered from 1, their ids from `first_seat_id`.

    `known`: what is known of each of them; empty where that is nothing but its number.
    """

    name: str
    first_seat_id: int
    seats: int
    known: list[SeatSnapshot] = []

    def seat(self, offset: int) -> SeatSnapshot:
        """The facts of a seat, counted from 0; its label in any case."""
        known = self.known[offset] if self.known else SeatSnapshot()
        return known if known.label else msgspec.structs.replace(known, label=str(offset + 1))


class SectionSnapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """A section and its rows, the best first; or, without rows, a general section of `capacity` places."""

    section_id: int
    name: str
    rows: list[RowSnapshot]
    capacity: int = 0

    @property
    def places(self) -> int:
        """Its seats, or its places without seats."""
        return self.capacity + sum(row.seats for row in self.rows)


class VenueSnapshot(msgspec.Struct, frozen=True):
    """A venue's manifest; ids of seats ascend through it. Of seats only labels and flags change, never their number.

    `revision` counts the changes.
    """

    venue_id: int
    name: str
    sections: list[SectionSnapshot]
    revision: int = 0


def section_pool(section_id: int) -> str:
    """The pool, and the map, of a section's seats; the pool of a section without any."""
    return f"s{section_id}"


def section_of_pool(pool: str) -> int:
    """Undoes section_pool."""
    return int(pool.removeprefix("s"))


class SeatPlaces:
    """The positions of a section's seats in its map."""

    def __init__(self, section: SectionSnapshot) -> None:
        self.section = section
        self._first_ids = [row.first_seat_id for row in section.rows]
        self.first_places: list[int] = []
        place = 1
        for row in section.rows:
            self.first_places.append(place)
            place += row.seats + 1

    @cached_property
    def digest(self) -> str:
        """Stands for the rows with their labels and flags: the same in every process, and computed once."""
        return blake2b(msgspec.json.encode(self.section.rows), digest_size=12).hexdigest()

    def place_of(self, seat_id: int) -> int | None:
        """The place of a seat, None if it is not of this section."""
        number = bisect_right(self._first_ids, seat_id) - 1
        if number < 0 or seat_id >= self._first_ids[number] + self.section.rows[number].seats:
            return None
        return self.first_places[number] + seat_id - self._first_ids[number]

    def seat_at(self, place: int) -> tuple[int, RowSnapshot, int]:
        """The seat at a place: its id, its row and its number in it."""
        row_number = bisect_right(self.first_places, place) - 1
        offset = place - self.first_places[row_number]
        row = self.section.rows[row_number]
        return row.first_seat_id + offset, row, offset + 1

    def empty_map(self, blocked: Iterable[int]) -> str:
        """The map before the first hold; `blocked` are ids of seats, those of other sections are passed over."""
        text = list("\n".join(AVAILABLE * row.seats for row in self.section.rows))
        for seat_id in blocked:
            place = self.place_of(seat_id)
            if place is not None:
                text[place - 1] = BLOCKED
        return "".join(text)
