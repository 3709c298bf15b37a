"""Slots of the tests of the engine, each known by a local date and time that its start tells."""

from datetime import date, time, timedelta

from engine.slots import slot_text, time_text
from engine.terms import ScheduleTerms

TIMES = (time(8), time(9))
"""Of all slots."""

EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)


def slot_of(start_ms: int) -> str:
    """The slot that begins then, by its local date and time: those that play together have different ones."""
    day = date(2000, 1, 1) + timedelta(days=start_ms % 1_000_000)
    return slot_text(day, TIMES[start_ms % 2])


def at(start_ms: int) -> tuple[str, int]:
    """A slot and its start, as commands name it."""
    return slot_of(start_ms), start_ms


def schedule_of(
    capacity: int, *, times: int = 2, weekdays: tuple[int, ...] = EVERY_DAY, closed: tuple[str, ...] = ()
) -> ScheduleTerms:
    """A schedule with that many times a day."""
    return ScheduleTerms(capacity, [time_text(each) for each in TIMES[:times]], list(weekdays), list(closed))
