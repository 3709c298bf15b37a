"""Seats: how a section's rows become the text of a map, and a seat's id its place in that text.

A map has one character per seat, rows in the order of the manifest, a line break between rows. Places count from 1. The
ids of a row's seats follow one another, so that neither a map nor a manifest names each seat.
"""

from bisect import bisect_right
from collections.abc import Iterable

import msgspec

AVAILABLE = "a"
BLOCKED = "b"


class RowSnapshot(msgspec.Struct, frozen=True):
    """A row: its seats are numbered from 1, their ids from `first_seat_id`."""

    name: str
    first_seat_id: int
    seats: int


class SectionSnapshot(msgspec.Struct, frozen=True):
    """A section and its rows, the best first."""

    section_id: int
    name: str
    rows: list[RowSnapshot]


class VenueSnapshot(msgspec.Struct, frozen=True):
    """A venue's manifest. It never changes; ids of seats ascend through it."""

    venue_id: int
    name: str
    sections: list[SectionSnapshot]


def section_pool(section_id: int) -> str:
    """The pool, and the map, of a section's seats."""
    return f"s{section_id}"


def section_of_pool(pool: str) -> int:
    """Undoes section_pool."""
    return int(pool.removeprefix("s"))


class SeatPlaces:
    """Where the seats of a section stand in its map."""

    def __init__(self, section: SectionSnapshot) -> None:
        self.section = section
        self._first_ids = [row.first_seat_id for row in section.rows]
        self._first_places: list[int] = []
        place = 1
        for row in section.rows:
            self._first_places.append(place)
            place += row.seats + 1

    def place_of(self, seat_id: int) -> int | None:
        """The place of a seat, None if it is not of this section."""
        number = bisect_right(self._first_ids, seat_id) - 1
        if number < 0 or seat_id >= self._first_ids[number] + self.section.rows[number].seats:
            return None
        return self._first_places[number] + seat_id - self._first_ids[number]

    def seat_at(self, place: int) -> tuple[int, RowSnapshot, int]:
        """The seat at a place: its id, its row and its number in it."""
        row_number = bisect_right(self._first_places, place) - 1
        offset = place - self._first_places[row_number]
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
