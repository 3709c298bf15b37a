"""Conversion of the seats that a request names to the engine's places, and back."""

from bisect import bisect_right
from typing import NamedTuple

import msgspec

from api.catalogue.schemas import Seat
from engine.records import Line
from engine.seats import RowSnapshot, SeatPlaces, SeatSnapshot, VenueSnapshot, section_pool

_ENCODER = msgspec.json.Encoder()


class SeatedRow(NamedTuple):
    """A row of seats: the ids from `first_seat_id` up to `end_seat_id`, whose places begin at `first_place`."""

    first_seat_id: int
    end_seat_id: int
    section_id: int
    first_place: int


class Seating:
    """A venue's seats, by section. Made once for each description of a venue."""

    def __init__(self, venue: VenueSnapshot) -> None:
        self.venue = venue
        self._sections = {section.section_id: SeatPlaces(section) for section in venue.sections}
        self._by_pool = {section_pool(number): section for number, section in self._sections.items()}
        self.sections_text: bytes | None = None
        """The sections as the API shows them, once somebody asked."""
        self.plan_text: bytes | None = None
        """The seating plan, once somebody asked."""
        self._row_texts: dict[int, str] = {}
        """By the id of a row's first seat: what is between the ids and the numbers of its seats in an answer."""
        self._rows = [
            SeatedRow(row.first_seat_id, row.first_seat_id + row.seats, section.section_id, place)
            for section in venue.sections
            for row, place in zip(section.rows, self._sections[section.section_id].first_places, strict=True)
        ]
        self._first_seat_ids = [row.first_seat_id for row in self._rows]

    def section(self, section_id: int) -> SeatPlaces | None:
        """The places of a section, None if the venue has no such section."""
        return self._sections.get(section_id)

    def section_of(self, seat_id: int, section_ids: list[int]) -> tuple[int, int] | None:
        """In which of the sections a seat is, and its place there; None if it is in none of them."""
        row = self.row_of(seat_id)
        if row is None or row.section_id not in section_ids:
            return None
        return row.section_id, row.first_place + seat_id - row.first_seat_id

    def row_of(self, seat_id: int) -> SeatedRow | None:
        """The row that a seat is in; None for a seat that is not of this venue."""
        number = bisect_right(self._first_seat_ids, seat_id) - 1
        row = self._rows[number] if number >= 0 else None
        return row if row is not None and seat_id < row.end_seat_id else None

    def seats_of(self, line: Line) -> list[Seat]:
        """The seats of a line as the API shows them."""
        section = self._by_pool[line.pool]
        shown = []
        for place in line.seats:
            seat_id, row, number = section.seat_at(place)
            shown.append(Seat(seat_id, section.section.name, row.name, number, row.seat(number - 1).label))
        return shown

    def seats_text(self, line: Line) -> str:
        """The same as JSON, in a seventh of the time; a test compares the two."""
        section, texts, shown = self._by_pool[line.pool], self._row_texts, []
        rows, first_places = section.section.rows, section.first_places
        begin = end = first_seat_id = 0
        known: list[SeatSnapshot] = []
        text = ""
        for place in line.seats:
            if not begin <= place < end:  # most holds are of one row
                at = bisect_right(first_places, place) - 1
                row, begin = rows[at], first_places[at]
                end, first_seat_id, known = begin + row.seats, row.first_seat_id, row.known
                text = texts.get(first_seat_id) or self._row_text(section, row)
            offset = place - begin
            number = offset + 1
            label = _json(known[offset].label or str(number)) if known else f'"{number}"'
            shown.append(f'{{"seat_id":{first_seat_id + offset}{text}{number},"label":{label}}}')
        return ",".join(shown)

    def _row_text(self, section: SeatPlaces, row: RowSnapshot) -> str:
        names = _json(section.section.name), _json(row.name)
        text = self._row_texts[row.first_seat_id] = ',"section":{},"row":{},"number":'.format(*names)
        return text

    def seat_ids(self, pool: str, places: list[int]) -> list[int]:
        """The ids of seats of a section."""
        section = self._by_pool[pool]
        return [section.seat_at(place)[0] for place in places]


def _json(text: str) -> str:
    return _ENCODER.encode(text).decode()
