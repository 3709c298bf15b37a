"""The body of a 201 that is put together from texts has the bytes of the ordinary view."""

import random

import msgspec
import pytest

from api.catalogue.seating import Seating
from api.sales.held_texts import HeldTexts
from api.sales.views import CustomerDetails, reservation_view
from engine.catalogue import EventSnapshot, TicketSnapshot
from engine.records import Line, Record
from engine.seats import RowSnapshot, SeatSnapshot, SectionSnapshot, VenueSnapshot
from engine.words import EventStatus, State

_NAMES = (None, "Islom", "Ñandú", 'a "quoted" \\ one', "\u2028 <b>&", "🎟", "x" * 200)


def _event(version: int, name: str) -> EventSnapshot:
    return EventSnapshot(
        event_id=7,
        version=version,
        name=name,
        starts_ms=1_800_000_000_123,
        timezone="UTC",
        venue_id=None,
        status=EventStatus.ON_SALE,
        sale_opens_ms=None,
        sale_closes_ms=None,
        hold_seconds=900,
        max_per_customer=10,
        tickets=[TicketSnapshot(number, f"T{number} {name}", 2500 * number, 10) for number in range(1, 4)],
    )


def _record(details: str, lines: list[Line], created_ms: int, hold_ms: int, customer_id: str = "c\"'\\~") -> Record:
    deadline_ms = created_ms + hold_ms
    return Record(State.HELD, 7, customer_id, details, created_ms, deadline_ms, 0, "", lines, [])


def test_the_bytes_are_those_of_the_view() -> None:
    texts, chance = HeldTexts(), random.Random(3)  # noqa: S311  # no secret
    events = [_event(1, "Big event"), _event(1, "Another of the same version"), _event(2, "Опера « Ñandú »")]
    for _ in range(2000):
        event = chance.choice(events)
        details = msgspec.json.encode(CustomerDetails(chance.choice(_NAMES), chance.choice(_NAMES))).decode()
        ticket_id, price = chance.choice([1, 2, 3, 4]), chance.choice([0, 1, 2500, 10**12])
        created_ms, hold_ms = chance.randrange(1_700_000_000_000, 1_900_000_000_000), chance.choice([0, 1, 900_000])
        line = Line(ticket_id, str(ticket_id), chance.choice([1, 2, 100]), price)
        record = _record(details, [line], created_ms, hold_ms)
        view = reservation_view("7-abcdefghijklmnop", record, event, None, created_ms + 5, as_taken=True)
        assert texts.body("7-abcdefghijklmnop", record, event, None) == msgspec.json.encode(view)


def test_the_bytes_of_seats_are_those_of_the_view() -> None:
    known = [SeatSnapshot('4 "a"'), SeatSnapshot(accessible=True), SeatSnapshot("\u00d16"), SeatSnapshot()]
    rows = [RowSnapshot('A "1"', 100, 5), RowSnapshot("\u00d1", 200, 4, known), RowSnapshot("C", 300, 6)]
    sections = [SectionSnapshot(4, 'Block \\ "4"', rows), SectionSnapshot(5, "Floor", [RowSnapshot("A", 900, 9)])]
    seating = Seating(VenueSnapshot(1, "Hall", [*sections, SectionSnapshot(6, "Standing", [], 50)]))
    texts, event, details = HeldTexts(), _event(1, "Big event"), '{"first_name":null,"last_name":"x"}'
    lines = [Line(1, "s6", 2, 2500), *(Line(1, "s5", 1, 2500, [place]) for place in range(1, 10))]
    lines += [Line(1, "s4", 2, 2500, [place, 13]) for place in (*range(1, 6), *range(7, 11))]
    for line in lines:
        record = _record(details, [line], 1_800_000_000_000, 900_000)
        view = reservation_view("7-abcdefghijklmnop", record, event, seating, 1_800_000_000_005, as_taken=True)
        assert texts.body("7-abcdefghijklmnop", record, event, seating) == msgspec.json.encode(view)


@pytest.mark.parametrize(
    "lines",
    [
        [Line(1, "1", 1, 5), Line(2, "2", 1, 5)],
        [Line(1, "slot:2027-01-15T08:00", 1, 5)],
    ],
)
def test_others_are_left_to_the_view(lines: list[Line]) -> None:
    record = _record('{"first_name":null,"last_name":null}', lines, 1_800_000_000_000, 5)
    assert HeldTexts().body("7-a", record, _event(1, "a"), None) is None


def test_details_of_another_kind_are_left_to_the_view() -> None:
    for details in ("{}", '{"last_name":null}', ""):
        record = _record(details, [Line(1, "1", 1, 5)], 1_800_000_000_000, 5)
        assert HeldTexts().body("7-a", record, _event(1, "a"), None) is None
