"""The pace of refunds of cancelled events, by a clock of the test."""

import asyncio
from itertools import pairwise

import pytest

from sync.cancelled_events import Pace, Ticks

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


async def test_what_comes_before_a_tick_goes_on_together() -> None:
    ticks, went_on = Ticks(0.05), list[float]()
    clock = asyncio.get_running_loop().time
    began = clock()

    async def wait(seconds: float) -> None:
        await asyncio.sleep(seconds)
        await ticks.next()
        went_on.append(clock() - began)

    late = asyncio.ensure_future(wait(0.2))
    await asyncio.gather(*(wait(seconds) for seconds in (0, 0.005, 0.01)))
    assert went_on[0] >= 0.049
    assert went_on[2] - went_on[0] < 0.02, "in one turn, but for a busy machine"
    cancelled = asyncio.ensure_future(ticks.next())
    await asyncio.sleep(0)
    cancelled.cancel()
    await late
    assert went_on[3] >= 0.2, "the next one comes after it"
