"""The body of a 201 that is put together from texts has the bytes of the ordinary view."""

import random

import msgspec
import pytest

from api.sales.held_texts import HeldTexts
from api.sales.views import CustomerDetails, reservation_view
from engine.catalogue import EventSnapshot, TicketSnapshot
from engine.records import Line, Record
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
        assert texts.body("7-abcdefghijklmnop", record, event) == msgspec.json.encode(view)


@pytest.mark.parametrize(
    "lines",
    [
        [Line(1, "1", 1, 5), Line(2, "2", 1, 5)],
        [Line(1, "s4", 1, 5, [3])],
        [Line(1, "slot:2027-01-15T08:00", 1, 5)],
    ],
)
def test_others_are_left_to_the_view(lines: list[Line]) -> None:
    record = _record('{"first_name":null,"last_name":null}', lines, 1_800_000_000_000, 5)
    assert HeldTexts().body("7-a", record, _event(1, "a")) is None


def test_details_of_another_kind_are_left_to_the_view() -> None:
    for details in ("{}", '{"last_name":null}', ""):
        record = _record(details, [Line(1, "1", 1, 5)], 1_800_000_000_000, 5)
        assert HeldTexts().body("7-a", record, _event(1, "a")) is None
