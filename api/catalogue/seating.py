"""Conversion of the seats that a request names to the engine's places, and back."""

from array import array
from bisect import bisect_right
from sys import intern

import msgspec

from api.catalogue.schemas import Seat
from engine.records import Line
from engine.seats import SeatPlaces, VenueSnapshot, section_pool

_ENCODER = msgspec.json.Encoder()


class _SectionTexts:
    """The names of a section's rows as JSON, and where their places begin and end: as `seats_text` needs them.

    They are numbers side by side, and texts that rows share. To wait for objects all over a large memory would take
    longer than to compute.
    """

    __slots__ = ("before", "begins", "ends", "known", "rows", "section")

    def __init__(self, places: SeatPlaces) -> None:
        section, self.begins = places.section, array("q", places.first_places)
        self.ends = array("q", [begin + row.seats for begin, row in zip(self.begins, section.rows, strict=True)])
        self.before = array(
            "q", [row.first_seat_id - begin for begin, row in zip(self.begins, section.rows, strict=True)]
        )
        self.section = f',"section":{_json(section.name)},"row":'
        self.rows = [intern(f'{_json(row.name)},"number":') for row in section.rows]
        self.known = [row.known for row in section.rows] if any(row.known for row in section.rows) else None


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
        self._texts: dict[str, _SectionTexts] = {}
        """By the pool of a section, once a seat of it was shown."""
        rows = [
            (row.first_seat_id, row.seats, place, section.section_id)
            for section in venue.sections
            for row, place in zip(section.rows, self._sections[section.section_id].first_places, strict=True)
        ]
        self._first_seat_ids = array("q", [first for first, _, _, _ in rows])
        self._end_seat_ids = array("q", [first + seats for first, seats, _, _ in rows])
        self._places_before = array("q", [place - first for first, _, place, _ in rows])
        self._section_ids = array("q", [section_id for _, _, _, section_id in rows])

    def section(self, section_id: int) -> SeatPlaces | None:
        """The places of a section, None if the venue has no such section."""
        return self._sections.get(section_id)

    def section_of(self, seat_id: int, section_ids: list[int]) -> tuple[int, int] | None:
        """In which of the sections a seat is, and its place there; None if it is in none of them."""
        found = self.places_in_row([seat_id])
        return None if found is None or found[0] not in section_ids else (found[0], found[1][0])

    def places_in_row(self, seat_ids: list[int]) -> tuple[int, list[int]] | None:
        """The section of seats, and their places there in ascending order; None unless one row has all of them."""
        ascending = sorted(seat_ids)
        number = bisect_right(self._first_seat_ids, ascending[0]) - 1
        if number < 0 or ascending[-1] >= self._end_seat_ids[number]:
            return None
        before = self._places_before[number]
        return self._section_ids[number], [seat_id + before for seat_id in ascending]

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
        texts, places = self._texts.get(line.pool) or self._texts_of(line.pool), line.seats
        at = bisect_right(texts.begins, places[0]) - 1
        if places[-1] >= texts.ends[at]:  # most holds are of one row
            return ",".join(map(_json, self.seats_of(line)))
        section, row, before, last = texts.section, texts.rows[at], texts.before[at], texts.begins[at] - 1
        known = texts.known[at] if texts.known else []
        shown = []
        for place in places:
            number = place - last
            label = _json(known[number - 1].label or str(number)) if known else f'"{number}"'
            shown.append(f'{{"seat_id":{place + before}{section}{row}{number},"label":{label}}}')
        return ",".join(shown)

    def _texts_of(self, pool: str) -> _SectionTexts:
        texts = self._texts[pool] = _SectionTexts(self._by_pool[pool])
        return texts

    def seat_ids(self, pool: str, places: list[int]) -> list[int]:
        """The ids of seats of a section."""
        section = self._by_pool[pool]
        return [section.seat_at(place)[0] for place in places]


def _json(value: str | Seat) -> str:
    return _ENCODER.encode(value).decode()
