"""Schedules in bodies of requests."""

from datetime import time
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.catalogue.schedule import TimeText, parse_date, parse_time
from api.http.problems import invalid
from api.http.requests import ALL_DIFFERENT, refuse_repeated
from engine.catalogue import Schedule
from engine.slots import slot_text

Times = Annotated[list[TimeText], Meta(min_length=1, max_length=100)]
SlotCapacity = Annotated[int, Meta(ge=1, le=10_000_000)]
Weekdays = Annotated[list[Annotated[int, Meta(ge=1, le=7)]], Meta(min_length=1, max_length=7), ALL_DIFFERENT]
_CLOSED = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3])(:[0-5][0-9]){0,2})?$"
Closed = Annotated[
    list[Annotated[str, Meta(max_length=20, extra_json_schema={"pattern": _CLOSED})]], Meta(max_length=1000)
]


class ScheduleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The start times of slots, local to the event, and the places of each.

    On the `weekdays`, 1 (Monday) to 7, by default each; `except` are dates and single slots (2027-12-31T19:00) without.
    """

    times: Times
    capacity: SlotCapacity
    weekdays: Weekdays | UnsetType = UNSET
    closed: Closed | UnsetType = msgspec.field(default=UNSET, name="except")


class SchedulePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes of a schedule; fields that are not given stay. A slot with taken places cannot be removed."""

    times: Times | UnsetType = UNSET
    capacity: SlotCapacity | UnsetType = UNSET
    weekdays: Weekdays | UnsetType = UNSET
    closed: Closed | UnsetType = msgspec.field(default=UNSET, name="except")


def schedule_of(body: ScheduleBody | SchedulePatch, before: Schedule | None) -> Schedule:
    """The schedule that is asked for; what is not given is as before, if it was there. Raises Problem invalid."""
    known = before or Schedule([], 0)
    times = known.times if body.times is UNSET else _times(body.times)
    return Schedule(
        times=sorted(times),
        capacity=known.capacity if body.capacity is UNSET else body.capacity,
        weekdays=known.weekdays if body.weekdays is UNSET else _weekdays(body.weekdays),
        closed=known.closed if body.closed is UNSET else _closed(body.closed),
    )


def _times(texts: list[str]) -> list[time]:
    times = [parse_time(f"schedule.times[{place}]", text) for place, text in enumerate(texts)]
    for place, at in enumerate(times):
        if at in times[:place]:
            raise invalid(f"schedule.times[{place}]", "another slot begins at this time")
    return times


def _weekdays(days: list[int]) -> list[int]:
    refuse_repeated("schedule.weekdays", days, "a day")
    return sorted(days)


def _closed(texts: list[str]) -> list[str]:
    """Dates and slots in their one spelling."""
    closed = set()
    for place, text in enumerate(texts):
        path = f"schedule.except[{place}]"
        day, separator, at = text.partition("T")
        date = parse_date(path, day)
        closed.add(slot_text(date, parse_time(path, at)) if separator else date.isoformat())
    return sorted(closed)
