"""Limits are in Redis: all callers decide with the same, and a process with others learns them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from engine.commands.events import PutEvent
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.ids import new_reservation_id
from engine.limits import Limits, LimitsInForce
from engine.outbox import Position
from engine.restore import PartitionDump, begin_restore, fill, finish_restore
from engine.results.holds import Held
from engine.results.limits import RateLimited, TooManyHolds
from engine.results.result import Result
from engine.settings import Settings
from engine.stock import PoolCapacity
from engine.terms import Terms, TicketTerms
from engine.words import EventStatus
from loadtest.recommended_settings import of_compose, of_systemd
from sync.metrics import SyncMetrics
from sync.upkeep.sweeper import run_sweeper
from tests.support.waiting import wait_until

EVENT, TICKET = 1, 7


@pytest.fixture
def one(engine_settings: Settings) -> Settings:
    return replace(engine_settings, partitions=1)


@asynccontextmanager
async def selling(settings: Settings, hold_ms: int = 60_000, **limits: int) -> AsyncIterator[Engine]:
    """A process that sells, with limits of its own."""
    settings = replace(settings, **limits)
    async with Engine(settings, limits=LimitsInForce(settings)) as engine:
        await publish(engine, hold_ms)
        yield engine


async def publish(engine: Engine, hold_ms: int = 60_000) -> None:
    terms = Terms(EventStatus.ON_SALE, 0, 0, hold_ms, 1000, [TicketTerms(TICKET, [str(TICKET)], 100)])
    await engine.submit(PutEvent(EVENT, terms, [PoolCapacity(str(TICKET), 1000)]))


async def hold(engine: Engine, customer: str = "anna") -> Result:
    return await engine.submit(Hold(new_reservation_id(EVENT), EVENT, customer, "{}", "", items_text([(TICKET, 1)])))


async def published(engine: Engine) -> str:
    text: bytes | None = await engine.redis.hget(engine.keys[0].meta, "limits")
    return (text or b"").decode()


async def test_limits_are_published_at_the_start(one: Settings) -> None:
    async with Engine(one) as engine:
        assert await published(engine) == ""
        async with selling(one, live_holds=2, customer_per_minute=600):
            assert await published(engine) == "customer_every_ms=100 customer_burst=20 live_holds=2"
        async with selling(one):
            assert await published(engine) == "none", "a sale without limits takes them away"


@pytest.mark.parametrize("deployed", [of_compose, of_systemd])
async def test_recommended_settings_end_hold_and_let_go(
    one: Settings, repository: Path, deployed: Callable[[Path, str], dict[str, Any]]
) -> None:
    """Service by service: the API has limits, the sync worker, which gives the holds back, is not told any.

    This was fourteen times Held.
    """
    short = {"sweep_interval_ms": 1}
    api, sync = (replace(one, **(deployed(repository, service) | short)) for service in ("api", "sync"))
    async with selling(api, 1) as engine, Engine(sync) as sweeper, asyncio.TaskGroup() as tasks:
        sweeping = tasks.create_task(run_sweeper(sync, sweeper, SyncMetrics()))
        results = []
        for _ in range(14):
            result = await hold(engine)
            results.append(type(result))
            await wait_until(partial(nothing_is_held, engine), 5, "the sweeper gives the hold back")
        sweeping.cancel()
    expiries = api.cool_down_expiries
    assert 0 < expiries < 14
    assert results == [Held] * expiries + [RateLimited] * (14 - expiries)


async def nothing_is_held(engine: Engine) -> bool:
    held: int = await engine.redis.hlen(engine.keys[0].ledger)
    return held == 0


async def test_the_limits_of_the_last_start_count_for_all_and_all_learn_them(one: Settings) -> None:
    async with selling(one, live_holds=3) as first:
        in_force = first._limits
        assert in_force is not None
        with capture_logs() as logs:
            async with selling(one, live_holds=1) as second:
                assert [type(await hold(engine, "anna")) for engine in (first, second)] == [Held, TooManyHolds]
                assert await hold(first, "anna") == TooManyHolds(1)
        told = [(each["event"], each["now"]) for each in logs if each["event"].startswith("limits_")]
        assert told == [("limits_changed", "live_holds=1"), ("limits_differ", "live_holds=1")]
        assert in_force.current == Limits(live_holds=1), "the front end tells clients what is in force"


async def test_settings_of_a_process_that_does_not_sell_change_nothing(one: Settings) -> None:
    async with selling(one, live_holds=1) as engine:
        with capture_logs() as logs:
            async with Engine(replace(one, live_holds=9)) as other:
                assert isinstance(await hold(other), Held)
                assert await hold(other) == TooManyHolds(1)
        assert [each["event"] for each in logs if each["event"].startswith("limits_")] == ["limits_differ"]
        assert await published(engine) == "live_holds=1"


async def test_limits_of_a_running_process_are_there_again_after_a_restore(one: Settings) -> None:
    async with selling(one, live_holds=1) as engine:
        await engine.redis.execute_command("FLUSHDB")
        await begin_restore(engine.redis, engine.keys[0], Position(1, 1))
        await fill(engine.redis, engine.keys[0], PartitionDump([], [], [], [], [], [], [], []))
        await finish_restore(engine.redis, engine.keys[0], 1, "")
        await publish(engine)
        assert await published(engine) == "live_holds=1"
        assert isinstance(await hold(engine), Held)
        assert await hold(engine) == TooManyHolds(1)
