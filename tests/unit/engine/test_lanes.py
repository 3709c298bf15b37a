"""The queue of a partition: bounded by time; commands that settle go before those that take."""

import asyncio
from typing import Any

import pytest

from engine.commands.holds import Cancel, Hold
from engine.commands.items import items_text
from engine.errors import Overloaded
from engine.lanes import QUEUE_SECONDS, Lanes

MOST = 8192
TIMEOUT = 2.0
FULL = 1024


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Busy:
    """A partition that serves that many commands in each batch, and takes so long for it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.lanes = Lanes(MOST, TIMEOUT, self.clock)
        self.late = 0

    def hold(self) -> bool:
        """True if another hold is let in."""
        try:
            self.lanes.append(_HOLD, _Nobody())
        except Overloaded:
            return False
        return True

    def fill(self) -> int:
        """The number of holds that are let in until one is refused."""
        count = 0
        while self.hold():
            count += 1
        return count

    def serve(self, most: int, seconds: float) -> int:
        """One batch."""
        batch, late = self.lanes.take(most)
        began, self.clock.now = self.clock.now, self.clock.now + seconds
        self.lanes.learn(began, self.clock.now)
        self.late += len(late)
        return len(batch)

    def overload(self, seconds: float, *, batch: int, batch_seconds: float) -> None:
        """More comes than is served, for a while."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            self.fill()
            self.serve(batch, batch_seconds)


class _Nobody:
    def done(self) -> bool:
        return False

    def set_result(self, result: Any, /) -> None: ...

    def set_exception(self, error: Exception, /) -> None: ...


_HOLD = Hold("1-aaaaaaaaaaaaaaaa", 1, "c", "{}", "", items_text([(1, 1)]))
_CANCEL = Cancel("1-aaaaaaaaaaaaaaaa")


def test_an_idle_partition_takes_a_burst() -> None:
    busy = Busy()
    for _ in range(100):  # one at a time, each a call of 20 ms
        busy.hold()
        busy.serve(FULL, 0.02)
        busy.clock.now += 0.5
    assert busy.fill() == MOST


@pytest.mark.parametrize(("batch", "batch_seconds"), [(64, 0.1), (100, 0.02), (256, 0.05), (1024, 0.1)])
def test_waiting_commands_can_be_served_in_half_a_second(batch: int, batch_seconds: float) -> None:
    busy = Busy()
    busy.overload(3, batch=batch, batch_seconds=batch_seconds)
    busy.fill()
    waiting, began, busy.late = len(busy.lanes), busy.clock.now, 0
    while busy.lanes:
        busy.serve(batch, batch_seconds)
    assert waiting >= batch
    assert busy.clock.now - began <= QUEUE_SECONDS + 2 * batch_seconds
    assert busy.late == 0


def test_nobody_joins_a_queue_that_stands_still() -> None:
    busy = Busy()
    assert busy.hold()
    busy.clock.now += QUEUE_SECONDS
    assert not busy.hold(), "the one before has waited for half a second"


def test_after_a_stall_the_queue_is_soon_as_long_as_before() -> None:
    busy = Busy()
    busy.overload(2, batch=FULL, batch_seconds=0.1)
    before = busy.fill() + len(busy.lanes)
    busy.serve(FULL, 3)  # the server stood still
    while busy.serve(FULL, 0.1):
        pass
    busy.overload(1, batch=FULL, batch_seconds=0.1)
    busy.fill()
    assert len(busy.lanes) > before / 2


def test_a_few_slow_batches_refuse_nobody() -> None:
    busy = Busy()
    busy.overload(2, batch=200, batch_seconds=0.015)
    busy.late = 0
    for _ in range(3):
        busy.serve(200, 0.05)
    busy.overload(1, batch=200, batch_seconds=0.015)
    assert busy.late == 0, "a second of waiting is better than the work of a sale for nothing"


def test_a_short_queue_does_not_make_itself_shorter() -> None:
    """If each call takes long, few commands in a batch say nothing about how many it could have."""
    busy = Busy()
    for _ in range(50):
        for _ in range(20):
            busy.hold()
        busy.serve(FULL, 0.2)
    assert busy.fill() >= FULL


def test_overdue_commands_are_refused_slice_by_slice() -> None:
    busy = Busy()
    assert busy.fill() == MOST
    busy.clock.now += TIMEOUT + 1
    batch, late = busy.lanes.take(FULL)
    assert (len(batch), len(late)) == (0, FULL)
    assert len(busy.lanes) == MOST - FULL, "no turn of the loop answers a whole queue"


def test_settling_goes_first_and_is_not_refused_by_takers() -> None:
    busy = Busy()
    busy.overload(4, batch=64, batch_seconds=0.1)
    busy.fill()
    for _ in range(10):
        busy.lanes.append(_CANCEL, _Nobody())
    batch, _ = busy.lanes.take(64)
    kinds = [type(waiting.command) for waiting in batch]
    assert (kinds.count(Cancel), kinds.count(Hold)) == (10, 54)


def test_takers_get_a_share_of_each_batch() -> None:
    lanes = Lanes(MOST, TIMEOUT, Clock())
    for _ in range(1000):
        lanes.append(_CANCEL, _Nobody())
        lanes.append(_HOLD, _Nobody())
    batch, _ = lanes.take(100)
    kinds = [type(waiting.command) for waiting in batch]
    assert kinds.count(Hold) == 25


def test_settling_has_a_bound_of_its_own() -> None:
    lanes = Lanes(10, TIMEOUT, Clock())
    for _ in range(10):
        lanes.append(_CANCEL, _Nobody())
    with pytest.raises(Overloaded):
        lanes.append(_CANCEL, _Nobody())
    lanes.append(_HOLD, _Nobody())


def test_repeated_commands_go_first() -> None:
    lanes = Lanes(MOST, TIMEOUT, Clock())
    for _ in range(4):
        lanes.append(_HOLD, _Nobody())
    first, _ = lanes.take(2)
    lanes.put_back(first)
    batch, _ = lanes.take(4)
    assert [waiting.answer for waiting in batch[:2]] == [waiting.answer for waiting in first]


async def test_abandoned_commands_are_not_sent() -> None:
    lanes = Lanes(MOST, TIMEOUT, Clock())
    answers = [asyncio.get_running_loop().create_future() for _ in range(2)]
    for answer in answers:
        lanes.append(_HOLD, answer)
    answers[0].cancel()
    batch, _ = lanes.take(10)
    assert [waiting.answer for waiting in batch] == [answers[1]]
