"""Local dates and times of a timed event, and the slots that its schedule makes of them.

A slot is known by the instant of its start. A local time that a clock change skips is no slot that day; one that comes
twice is one slot, at its first occurrence.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from msgspec import Meta

from api.problems import Code, Problem, invalid
from api.times import milliseconds
from engine.catalogue import EventSnapshot, Schedule

_SHORT = Meta(max_length=20)
"""What is looked at more closely once the body is read, and told by words of its own. The document says it all."""

DateText = Annotated[str, _SHORT, Meta(extra_json_schema={"format": "date"})]
"""A date, which `parse_date` reads."""

TimeText = Annotated[str, _SHORT, Meta(extra_json_schema={"pattern": r"^([01][0-9]|2[0-3])(:[0-5][0-9]){0,2}$"})]
"""A local time, which `parse_time` reads."""

SlotText = Annotated[
    str,
    _SHORT,
    Meta(extra_json_schema={"pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3])(:[0-5][0-9]){0,2}$"}),
]
"""A slot by its local start."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_TIME = re.compile(r"\d\d(:\d\d){0,2}", re.ASCII)
_EARLIEST_YEAR, _LATEST_YEAR = 1971, 4999
"""Starts of slots have at most 14 digits (engine/slots.py)."""


def parse_date(path: str, text: str) -> date:
    """A date of a body or a query. Raises Problem invalid."""
    try:
        day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise invalid(path, "must be a date, like 2027-09-12")
    if not _EARLIEST_YEAR <= day.year <= _LATEST_YEAR:
        raise invalid(path, f"must be from {_EARLIEST_YEAR} to {_LATEST_YEAR}")
    return day


def parse_time(path: str, text: str) -> time:
    """A local time of a body or a query. Raises Problem invalid."""
    try:
        if _TIME.fullmatch(text):
            return time.fromisoformat(text)
    except ValueError:
        pass
    raise invalid(path, "must be HH, HH:MM or HH:MM:SS, like 13:30")


def time_text(at: time) -> str:
    """HH:MM, with the seconds only where there are any."""
    return at.isoformat("seconds" if at.second else "minutes")


def schedule_of(event: EventSnapshot) -> Schedule:
    """The event's schedule. Raises Problem not_found if it has none."""
    if event.schedule is None:
        raise Problem(Code.NOT_FOUND, f"Event {event.event_id} has no schedule: it has no slots and takes no bookings.")
    return event.schedule


def start_of(event: EventSnapshot, day: date, at: time) -> int | None:
    """When a local time begins that day, in ms; None if a clock change skips it."""
    local = datetime.combine(day, at, tzinfo=ZoneInfo(event.timezone))
    instant = local.astimezone(UTC)
    told = instant.astimezone(local.tzinfo)
    return milliseconds(instant) if told.replace(tzinfo=None) == local.replace(tzinfo=None) else None


def scheduled_start(event: EventSnapshot, day: date, at: time) -> int:
    """The start of a slot of the schedule, in ms. Raises Problem slot_not_scheduled."""
    schedule = schedule_of(event)
    times = [time_text(each) for each in schedule.times]
    if at not in schedule.times:
        raise Problem(
            Code.SLOT_NOT_SCHEDULED,
            f"There is no slot at {time_text(at)}; there is at {', '.join(times)}.",
            times=times,
        )
    start_ms = start_of(event, day, at)
    if start_ms is None:
        raise Problem(
            Code.SLOT_NOT_SCHEDULED,
            f"There is no {time_text(at)} on {day}: the clocks of {event.timezone} skip it; choose another slot.",
            times=times,
        )
    return start_ms


def bounds_of(event: EventSnapshot, day: date) -> tuple[int, int]:
    """The first instant of a local day, in ms, and the first after it."""
    zone = ZoneInfo(event.timezone)
    midnights = (datetime.combine(each, time(), tzinfo=zone) for each in (day, day + timedelta(days=1)))
    begin, end = (milliseconds(midnight.astimezone(UTC)) for midnight in midnights)
    return begin, end


def slots_of_days(event: EventSnapshot, first: date, days: int) -> Iterator[int]:
    """The starts of all slots of so many days, in ascending order."""
    for offset in range(days):
        day = first + timedelta(days=offset)
        for at in schedule_of(event).times:
            start_ms = start_of(event, day, at)
            if start_ms is not None:
                yield start_ms


def local_start(event: EventSnapshot, start_ms: int) -> datetime:
    """The local date and time of an instant, in the event's zone."""
    return datetime.fromtimestamp(start_ms / 1000, ZoneInfo(event.timezone))


def slot_text(event: EventSnapshot, start_ms: int) -> str:
    """A slot as items of reservations name it: 2027-09-12T13:30."""
    local = local_start(event, start_ms)
    return f"{local.date()}T{time_text(local.time())}"
