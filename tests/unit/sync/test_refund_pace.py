"""The pace of refunds of cancelled events."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, cast

import msgspec
import pytest

from engine.commands.refunds import Refund
from engine.records import Record
from engine.words import State
from payments.payments import Payments
from sync.cancelled_events import Cancellations, Pace, Ticks
from sync.postgres import Postgres, PostgresAway
from tests.support.waiting import wait_until

BEGIN = 1000.0
EVENT = 7


class Pages:
    """A Postgres that answers with these pages of paid reservations, or is away."""

    def __init__(self, *pages: Sequence[str] | PostgresAway) -> None:
        self._pages = [*pages, []]
        self.asked_after: list[str] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Pages"]:
        """Itself: it has no pool."""
        yield self

    async def fetch(self, _statement: str, event_id: int, after: str, _most: int) -> list[dict[str, str]]:
        """The next page, as rows."""
        assert event_id == EVENT
        self.asked_after.append(after)
        page = self._pages.pop(0)
        if isinstance(page, PostgresAway):
            raise page
        record = msgspec.json.encode(Record(State.PAID, EVENT, "c", "{}", 0, 0, 0, "", [], [])).decode()
        return [{"id": reservation_id, "record": record} for reservation_id in page]


class SlowPayments:
    """Refunds that end when the gateway answers."""

    def __init__(self) -> None:
        self.answer = asyncio.Event()
        self.begun: list[str] = []
        self.ended: list[str] = []

    async def refund(self, command: Refund) -> None:
        """Waits for the answer."""
        self.begun.append(command.reservation_id)
        await self.answer.wait()
        self.ended.append(command.reservation_id)


def cancellations(payments: SlowPayments, pages: Pages) -> Cancellations:
    engine: Any = None
    return Cancellations(engine, cast("Postgres", pages), cast("Payments", payments), refunds_per_second=100_000)


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


async def test_a_slow_refund_does_not_hold_up_the_next_page() -> None:
    payments, pages = SlowPayments(), Pages(["a", "b"], ["c"])
    refunding = asyncio.ensure_future(cancellations(payments, pages).refund_paid(EVENT))
    await wait_until(lambda: payments.begun == ["a", "b", "c"], what="all three have begun")
    payments.answer.set()
    assert await refunding == 3
    assert pages.asked_after == ["", "b", "c"]


async def test_what_is_under_way_ends_before_the_news_that_postgres_is_away() -> None:
    payments, pages = SlowPayments(), Pages(["a"], PostgresAway("away"))
    refunding = asyncio.ensure_future(cancellations(payments, pages).refund_paid(EVENT))
    await wait_until(lambda: pages.asked_after == ["", "a"], what="the second page was asked for")
    assert not refunding.done()
    payments.answer.set()
    with pytest.raises(PostgresAway):
        await refunding
    assert payments.ended == ["a"]
