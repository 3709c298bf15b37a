"""The pace of refunds of cancelled events, by a clock of the test."""

from itertools import pairwise

import pytest

from sync.cancelled_events import Pace

BEGIN = 1000.0


def turns_at_once(pace: Pace, now: float) -> int:
    """Turns that need no pause."""
    return next(number for number in range(1000) if pace.pause(now) > 0)


def test_turns_come_at_even_intervals() -> None:
    pace, now, turns = Pace(per_second=50), BEGIN, list[float]()
    for _ in range(25):
        now += pace.pause(now)
        turns.append(now)
    intervals = [later - before for before, later in pairwise(turns)]
    assert intervals[10:] == pytest.approx([0.02] * 14)


@pytest.mark.parametrize(("late_seconds", "made_up"), [(0.05, 2), (5.0, 5)])
def test_late_turns_are_made_up_for_but_not_all(late_seconds: float, made_up: int) -> None:
    pace, now = Pace(per_second=50), BEGIN
    for _ in range(20):
        now += pace.pause(now)
    assert made_up <= turns_at_once(pace, now + late_seconds) <= made_up + 1
