"""Local dates and times of a timed event, and the slots that its schedule makes of them.

A slot is known by its local date and time (engine/slots.py). A time that a clock change skips is no slot that day; one
that comes twice is one slot, at its first occurrence.
"""

import re
from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Annotated, NamedTuple

from msgspec import Meta

from api.http.problems import Code, Problem, invalid
from api.http.times import wall_clock_ms
from engine.catalogue import EventSnapshot, Schedule
from engine.slots import slot_text, time_text
from engine.time_zones import is_skipped, local_date, start_ms, time_zone

_SHORT = Meta(max_length=20)
"""A loose bound for texts that are checked after the body is read, with messages of their own.

The OpenAPI document states the full rule.
"""

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
"""Of dates that are asked about. Which of them have slots is for the schedule to say."""


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


def schedule_of(event: EventSnapshot) -> Schedule:
    """The event's schedule. Raises Problem not_found if it has none."""
    if event.schedule is None:
        raise Problem(Code.NOT_FOUND, f"Event {event.event_id} has no schedule: it has no slots and takes no bookings.")
    return event.schedule


class SlotWanted(NamedTuple):
    """A slot that the schedule has: its local date and time, and when that is, in ms since 1970."""

    slot: str
    start_ms: int


def scheduled_slot(event: EventSnapshot, day: date, at: time, horizon_days: int) -> SlotWanted:
    """A slot of the schedule, between the first day of the event and `horizon_days` from now.

    Raises Problem slot_not_scheduled.
    """
    schedule, days = schedule_of(event), slot_days(event, horizon_days)
    wanted = _slot(event, day, at)
    is_past = wanted.start_ms <= wall_clock_ms()  # which the engine says, and why
    if not (days.first <= day <= days.last or is_past):
        raise Problem(
            Code.SLOT_NOT_SCHEDULED, f"There are slots from {days.first} to {days.last}; choose another date.", times=[]
        )
    if schedule.has(day, at) and not is_skipped(time_zone(event.timezone), day, at):
        return wanted
    times = [time_text(each) for each in times_of_day(event, day)]
    if not times:
        why = f"There are no slots on {day}; choose another date."
    elif schedule.has(day, at):
        why = f"There is no {time_text(at)} on {day}: the clocks of {event.timezone} skip it; choose another slot."
    else:
        why = f"There is no slot at {time_text(at)} on {day}; choose one of {', '.join(times)}."
    raise Problem(Code.SLOT_NOT_SCHEDULED, why, times=times)


def times_of_day(event: EventSnapshot, day: date) -> Iterator[time]:
    """When slots begin on a date, in ascending order; none of those that the clocks skip."""
    schedule, zone = schedule_of(event), time_zone(event.timezone)
    for at in schedule.times:
        if schedule.has(day, at) and not is_skipped(zone, day, at):
            yield at


class Days(NamedTuple):
    """Dates from the first to the last, both included."""

    first: date
    last: date


def slot_days(event: EventSnapshot, horizon_days: int) -> Days:
    """The days that may have slots: from the event's first to the horizon, in its time zone."""
    zone = time_zone(event.timezone)
    today = local_date(zone, wall_clock_ms())
    return Days(local_date(zone, event.starts_ms), today + timedelta(days=horizon_days))


def slots_of_days(event: EventSnapshot, days: Days) -> Iterator[SlotWanted]:
    """All slots of these days, in ascending order."""
    for offset in range((days.last - days.first).days + 1):
        day = days.first + timedelta(days=offset)
        for at in times_of_day(event, day):
            yield _slot(event, day, at)


def _slot(event: EventSnapshot, day: date, at: time) -> SlotWanted:
    return SlotWanted(slot_text(day, at), start_ms(time_zone(event.timezone), day, at))
