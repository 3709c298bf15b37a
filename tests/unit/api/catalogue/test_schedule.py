"""Local times of a schedule, also where the clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from api.catalogue.schedule import Days, parse_date, parse_time, scheduled_slot, slot_days, slots_of_days
from api.http.problems import Problem
from engine.catalogue import EventSnapshot, Schedule
from engine.slots import time_text
from engine.words import EventStatus

_HORIZON = 3650
_SPRING, _AUTUMN = date(2027, 3, 28), date(2027, 10, 31)
"""In Warsaw 02:00 becomes 03:00, and 03:00 becomes 02:00."""


def _event(*times: str, timezone: str = "Europe/Warsaw", starts_ms: int = 0, **schedule: Any) -> EventSnapshot:
    return EventSnapshot(
        event_id=1,
        version=1,
        name="Museum",
        starts_ms=starts_ms,
        timezone=timezone,
        venue_id=None,
        status=EventStatus.ON_SALE,
        sale_opens_ms=None,
        sale_closes_ms=None,
        hold_seconds=900,
        max_per_customer=10,
        tickets=[],
        schedule=Schedule([time.fromisoformat(at) for at in times], 20, **schedule),
    )


def _utc(start_ms: int) -> str:
    return datetime.fromtimestamp(start_ms / 1000, UTC).strftime("%m-%d %H:%M")


def _slots(event: EventSnapshot, first: date, days: int) -> list[tuple[str, str]]:
    """The slots of that many days, and when they begin."""
    slots = slots_of_days(event, Days(first, first + timedelta(days=days - 1)))
    return [(each.slot, _utc(each.start_ms)) for each in slots]


def _refused(event: EventSnapshot, day: date, at: str) -> Problem:
    with pytest.raises(Problem) as refused:
        scheduled_slot(event, day, time.fromisoformat(at), _HORIZON)
    assert refused.value.code == "slot_not_scheduled"
    return refused.value


@pytest.mark.parametrize(
    ("day", "at", "utc"),
    [
        (date(2027, 1, 10), "13:30", "01-10 12:30"),
        (date(2027, 7, 10), "13:30", "07-10 11:30"),
        (_SPRING, "01:59", "03-28 00:59"),
        (_SPRING, "03:00", "03-28 01:00"),
        (_AUTUMN, "01:59", "10-30 23:59"),
        (_AUTUMN, "02:00", "10-31 00:00"),
        (_AUTUMN, "02:30", "10-31 00:30"),  # the first of two
        (_AUTUMN, "03:00", "10-31 02:00"),
    ],
)
def test_a_local_time_is_one_instant(day: date, at: str, utc: str) -> None:
    event = _event(at)
    wanted = scheduled_slot(event, day, time.fromisoformat(at), _HORIZON)
    assert (wanted.slot, _utc(wanted.start_ms)) == (f"{day}T{at}", utc)
    assert _slots(event, day, 1) == [(f"{day}T{at}", utc)]


@pytest.mark.parametrize("at", ["02:00", "02:30", "02:59:59"])
def test_a_time_that_the_clocks_skip_is_no_slot_that_day_and_not_offered(at: str) -> None:
    event = _event(at, "13:30")
    refused = _refused(event, _SPRING, at)
    assert "skip" in refused.detail
    assert refused.members["times"] == ["13:30"]
    assert _slots(event, _SPRING, 1) == [("2027-03-28T13:30", "03-28 11:30")]
    assert len(_slots(event, date(2027, 3, 27), 3)) == 5


def test_a_time_that_comes_twice_is_one_slot() -> None:
    event = _event("02:00", "02:30", "03:00")
    assert _slots(event, _AUTUMN, 1) == [
        ("2027-10-31T02:00", "10-31 00:00"),
        ("2027-10-31T02:30", "10-31 00:30"),
        ("2027-10-31T03:00", "10-31 02:00"),
    ]


def test_another_time_is_refused_with_the_scheduled_ones() -> None:
    refused = _refused(_event("08:00", "10:45:30"), date(2027, 9, 12), "09:00")
    assert refused.members["times"] == ["08:00", "10:45:30"]


def test_weekdays_and_closed_days_and_slots() -> None:
    closed = ["2027-12-24", "2027-12-31T19:00"]
    event = _event("08:00", "19:00", weekdays=[1, 2, 3, 4, 5], closed=closed)
    christmas_eve, saturday, last = date(2027, 12, 24), date(2027, 12, 25), date(2027, 12, 31)
    assert [slot for slot, _ in _slots(event, date(2027, 12, 23), 3)] == ["2027-12-23T08:00", "2027-12-23T19:00"]
    assert [slot for slot, _ in _slots(event, last, 1)] == ["2027-12-31T08:00"]
    assert _refused(event, christmas_eve, "08:00").members["times"] == []
    assert _refused(event, saturday, "08:00").members["times"] == []
    assert _refused(event, last, "19:00").members["times"] == ["08:00"]


def test_slots_are_from_the_first_day_of_the_event_to_the_horizon() -> None:
    today = datetime.now(UTC).date()
    begins = datetime.combine(today + timedelta(days=30), time(20), UTC)
    event = _event("08:00", timezone="UTC", starts_ms=round(begins.timestamp() * 1000))
    assert slot_days(event, 100) == (begins.date(), today + timedelta(days=100))
    for days in (30, 100):
        scheduled_slot(event, today + timedelta(days=days), time(8), 100)
    for days in (29, 101):
        with pytest.raises(Problem, match=str(begins.date())) as refused:
            scheduled_slot(event, today + timedelta(days=days), time(8), 100)
        assert refused.value.code == "slot_not_scheduled"


@pytest.mark.parametrize(
    ("text", "shown"), [("08", "08:00"), ("13:30", "13:30"), ("13:30:00", "13:30"), ("23:59:59", "23:59:59")]
)
def test_spellings_of_a_time(text: str, shown: str) -> None:
    assert time_text(parse_time("time", text)) == shown


@pytest.mark.parametrize(
    "text",
    ["", "8", "8:00", "24", "24:00", "12:60", "12:00:60", "12:00:00.5", "1230", "12:00Z", "12:00+02:00", "١٢:٠٠"],
)
def test_invalid_times(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_time("time", text)
    assert (refused.value.code, refused.value.members["fields"][0].path) == ("invalid", "time")


@pytest.mark.parametrize(
    "text",
    ["", "12.09.2027", "20270912", "2027-W37-7", "2027-9-12", "2027-02-29", "2027-13-01", "1970-12-31", "5000-01-01"],
)
def test_invalid_dates(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_date("date", text)
    assert (refused.value.code, refused.value.members["fields"][0].path) == ("invalid", "date")
