"""Local times of a schedule, also where the clocks change."""

from datetime import UTC, date, datetime, time

import pytest

from api.problems import Problem
from api.schedule import (
    bounds_of,
    local_start,
    parse_date,
    parse_time,
    scheduled_start,
    slot_text,
    slots_of_days,
    start_of,
    time_text,
)
from engine.catalogue import EventSnapshot, Schedule
from engine.words import EventStatus

_HOUR_MS = 3_600_000
_SPRING, _AUTUMN = date(2027, 3, 28), date(2027, 10, 31)
"""In Warsaw 02:00 becomes 03:00, and 03:00 becomes 02:00."""


def _event(*times: str, timezone: str = "Europe/Warsaw") -> EventSnapshot:
    return EventSnapshot(
        event_id=1,
        version=1,
        name="Museum",
        starts_ms=0,
        timezone=timezone,
        venue_id=None,
        status=EventStatus.ON_SALE,
        sale_opens_ms=None,
        sale_closes_ms=None,
        hold_seconds=900,
        max_per_customer=10,
        tickets=[],
        schedule=Schedule([time.fromisoformat(at) for at in times], 20),
    )


def _utc(start_ms: int | None) -> str:
    assert start_ms is not None
    return datetime.fromtimestamp(start_ms / 1000, UTC).strftime("%m-%d %H:%M")


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
    start_ms = start_of(event, day, time.fromisoformat(at))
    assert _utc(start_ms) == utc
    assert start_ms is not None
    assert slot_text(event, start_ms) == f"{day}T{at}"
    assert scheduled_start(event, day, time.fromisoformat(at)) == start_ms


@pytest.mark.parametrize("at", ["02:00", "02:30", "02:59:59"])
def test_a_time_that_the_clocks_skip_is_no_slot_that_day(at: str) -> None:
    event = _event(at)
    assert start_of(event, _SPRING, time.fromisoformat(at)) is None
    with pytest.raises(Problem) as refused:
        scheduled_start(event, _SPRING, time.fromisoformat(at))
    assert refused.value.code == "slot_not_scheduled"
    assert "skip" in refused.value.detail
    assert list(slots_of_days(event, _SPRING, 1)) == []
    assert len(list(slots_of_days(event, date(2027, 3, 27), 3))) == 2


def test_a_time_that_comes_twice_is_one_slot() -> None:
    event = _event("02:00", "02:30", "03:00")
    slots = list(slots_of_days(event, _AUTUMN, 1))
    assert [_utc(start_ms) for start_ms in slots] == ["10-31 00:00", "10-31 00:30", "10-31 02:00"]
    second_half_past_two = slots[1] + _HOUR_MS
    assert slot_text(event, second_half_past_two) == slot_text(event, slots[1])
    assert second_half_past_two not in slots


@pytest.mark.parametrize(("day", "hours"), [(_SPRING, 23), (_AUTUMN, 25), (date(2027, 6, 1), 24)])
def test_the_bounds_of_a_day_meet_those_of_the_next(day: date, hours: int) -> None:
    event = _event("13:30")
    begin, end = bounds_of(event, day)
    assert end - begin == hours * _HOUR_MS
    assert local_start(event, begin).date() == day
    assert local_start(event, end - 1).date() == day
    assert bounds_of(event, local_start(event, end).date())[0] == end


def test_a_midnight_that_the_clocks_skip_is_the_first_instant_all_the_same() -> None:
    event, day = _event("00:30", timezone="Africa/Cairo"), date(2027, 4, 30)  # 00:00 becomes 01:00
    begin, end = bounds_of(event, day)
    assert end - begin == 23 * _HOUR_MS
    assert (local_start(event, begin).hour, local_start(event, begin - 1).date()) == (1, date(2027, 4, 29))
    assert start_of(event, day, time(0, 30)) is None


def test_another_time_is_not_scheduled_and_told_which_are() -> None:
    with pytest.raises(Problem) as refused:
        scheduled_start(_event("08:00", "10:45:30"), date(2027, 9, 12), time(9))
    assert (refused.value.code, refused.value.members["times"]) == ("slot_not_scheduled", ["08:00", "10:45:30"])


@pytest.mark.parametrize(
    ("text", "shown"), [("08", "08:00"), ("13:30", "13:30"), ("13:30:00", "13:30"), ("23:59:59", "23:59:59")]
)
def test_spellings_of_a_time(text: str, shown: str) -> None:
    assert time_text(parse_time("time", text)) == shown


@pytest.mark.parametrize(
    "text",
    ["", "8", "8:00", "24", "24:00", "12:60", "12:00:60", "12:00:00.5", "1230", "12:00Z", "12:00+02:00", "١٢:٠٠"],
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_time("time", text)
    assert (refused.value.code, refused.value.members["fields"][0].path) == ("invalid", "time")


@pytest.mark.parametrize(
    "text",
    ["", "12.09.2027", "20270912", "2027-W37-7", "2027-9-12", "2027-02-29", "2027-13-01", "1970-12-31", "5000-01-01"],
)
def test_what_is_no_date(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_date("date", text)
    assert (refused.value.code, refused.value.members["fields"][0].path) == ("invalid", "date")
