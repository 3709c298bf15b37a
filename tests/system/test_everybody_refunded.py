"""Everybody who paid for a cancelled event is refunded once, though the sync worker dies in the middle of it.

`make soak` plays it with 100,000 reservations. Then it also measures the refunds a second, and the time of holds of
another event meanwhile. The worker works and stops by turns. While it stands still, nothing else is done, or other
work as much as the refunds were for the worker, the gateway and Postgres. Those have machines of their own in
production, so what refunds do to holds is the difference to that.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import cycle
from statistics import quantiles
from typing import Any

import psutil
import pytest
import structlog

from engine.commands.command import Command
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.commands.payments import BeginPayment, ConfirmPayment
from engine.engine import Engine
from engine.ids import new_attempt_id, new_reservation_id
from loadtest.outbox_mix import insist
from sync.audit.audit import audit
from tests.support.effort import SOAKING, effort
from tests.support.system.ledgers import gateway_charges, redis_reservations, sync_has_caught_up
from tests.support.system.other_work import OtherWork
from tests.support.system.process_stack import Stack
from tests.support.system.storefront_client import PRICE_MINOR, Event, Storefront
from tests.support.waiting import wait_until

log = structlog.get_logger(__name__)

MANY = effort(800, 100_000)
LEAST_PER_SECOND = 500
LEAST_HOLDS = 200
MOST_DELAY = 1.3
"""The p99 of holds while refunds are made, of what it is beside other work."""
ELSEWHERE = ("sync", "gateway", "postgres")
"""Processes that have machines of their own in production."""
WORKS_SECONDS, STANDS_SECONDS = effort(0.5, 2.0), effort(0.2, 1.0)
BEGINS_SECONDS = STANDS_SECONDS / 4
"""Time before holds are measured, until all goes on evenly."""
_AT_ONCE = 100
_PATIENCE_SECONDS = effort(120, 1800)


@pytest.mark.timeout(600 + 2 * _PATIENCE_SECONDS)
async def test_nobody_is_refunded_twice_and_nobody_is_missed(stack: Stack, storefront: Storefront) -> None:
    await stack.start("gateway", "sync", "api")
    event = await storefront.create_event(capacity=MANY)
    other = await storefront.create_event(capacity=1_000_000)
    await sell(stack, event)
    await wait_until(lambda: sync_has_caught_up(stack), _PATIENCE_SECONDS, "sync has written everything")
    path = f"/v1/events/{event.event_id}"
    assert (await storefront.ask("PATCH", path, {"status": "cancelled"})).status == 200
    assert (await storefront.ask("POST", f"{path}/refund")).status == 202
    await wait_until(lambda: refunds_made(stack) >= MANY // 4, _PATIENCE_SECONDS, "a quarter is refunded")
    stack.kill("sync")
    assert MANY // 4 <= refunds_made(stack) < MANY, "it died in the middle"
    died = refunds_made(stack)
    await stack.start("sync")
    if SOAKING:  # beside other tests they would not run at all
        give_way(*map(stack.pid, ELSEWHERE))
    await wait_until(lambda: refunds_made(stack) > died, _PATIENCE_SECONDS, "it goes on")
    done, used = refunds_made(stack), cpu_seconds(stack)
    async with watched(storefront, other) as watch:
        await refund_by_turns(stack, watch)
    rate = (MANY - done) / watch.working_seconds
    cpu_ms = {name: round(1000 * (now - used[name]) / (MANY - done), 2) for name, now in cpu_seconds(stack).items()}
    p99s_ms = {beside.value: p99(times_ms) for beside, times_ms in watch.times_ms.items()}
    delay = p99s_ms["refunds"] / max(0.1, p99s_ms["other work"])
    log.info("refunded", refunds_per_second=round(rate), cpu_ms_per_refund=cpu_ms)
    log.info("held", p99_ms_beside=p99s_ms, times=round(delay, 2))

    await wait_until(lambda: is_told(storefront, path), _PATIENCE_SECONDS, "the progress says so")
    charges = [charge for charge in gateway_charges(stack) if charge.id.startswith(f"pay-{event.event_id}-")]
    assert len(charges) == MANY
    assert {charge.given_back_minor for charge in charges} == {PRICE_MINOR}, "once each, and all of it"
    reservations = redis_reservations(stack).values()
    assert {each.status for each in reservations if each.event_id == event.event_id} == {"refunded"}
    await wait_until(lambda: sync_has_caught_up(stack), _PATIENCE_SECONDS, "sync has written everything")
    assert await audit(stack.settings, asks_gateway=True) == []
    if SOAKING:
        assert min(map(len, watch.times_ms.values())) >= LEAST_HOLDS
        assert rate >= LEAST_PER_SECOND
        assert delay <= MOST_DELAY


async def sell(stack: Stack, event: Event) -> None:
    """Many reservations that are paid, at the gateway too."""
    charges: list[tuple[str, int]] = []
    async with Engine(stack.settings) as engine:
        for first in range(0, MANY, _AT_ONCE):
            rids = [new_reservation_id(event.event_id) for _ in range(min(_AT_ONCE, MANY - first))]
            attempts = {rid: new_attempt_id(rid) for rid in rids}
            wish = items_text([(event.ticket_id, 1)])
            await _all(engine, [Hold(rid, event.event_id, f"c-{rid}", "{}", "", wish) for rid in rids])
            await _all(engine, [BeginPayment(rid, attempts[rid], PRICE_MINOR, "") for rid in rids])
            await _all(engine, [ConfirmPayment(rid, attempts[rid]) for rid in rids])
            charges += [(attempt_id, PRICE_MINOR) for attempt_id in attempts.values()]
    with sqlite3.connect(stack.gateway_file) as ledger:
        ledger.executemany("INSERT INTO charges VALUES (?, ?, 'EUR', 'tok_visa', 'completed', NULL, 0)", charges)
    ledger.close()


async def _all(engine: Engine, commands: Sequence[Command[Any]]) -> None:
    await asyncio.gather(*(insist(engine, command) for command in commands))


def give_way(*pids: int) -> None:
    """Lets processes and those that they started run only when nobody else wants their cores.

    They have machines of their own in production.
    """
    for process in map(psutil.Process, pids):
        for one in (process, *process.children(recursive=True)):
            with suppress(ProcessLookupError):
                os.sched_setscheduler(one.pid, os.SCHED_IDLE, os.sched_param(0))


def cpu_seconds(stack: Stack) -> dict[str, float]:
    """The processor time that processes and those that they started have used."""
    return {name: _cpu_seconds(stack.pid(name)) for name in ("sync", "gateway", "valkey", "postgres")}


def _cpu_seconds(pid: int) -> float:
    used = 0.0
    process = psutil.Process(pid)
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            used += times.user + times.system
    return used


def refunds_made(stack: Stack) -> int:
    """The number of refunds by the gateway."""
    with sqlite3.connect(stack.gateway_file) as ledger:
        ((count,),) = ledger.execute("SELECT count(*) FROM refunds").fetchall()
    ledger.close()
    return int(count)


async def is_told(storefront: Storefront, path: str) -> bool:
    progress = (await storefront.ask("GET", f"{path}/refund")).body
    return (progress["reservations"], progress["refunded"], progress["refund_due"]) == (MANY, MANY, 0)


class Beside(StrEnum):
    """Other things that go on during a hold."""

    REFUNDS = "refunds"
    NOTHING = "nothing"
    OTHER_WORK = "other work"


@dataclass
class Watch:
    """The times of holds, by what else went on from their beginning to their end."""

    times_ms: dict[Beside, list[float]] = field(default_factory=lambda: {beside: [] for beside in Beside})
    working_seconds: float = 0.0
    beside: Beside | None = None
    """None: between two, or while this process reads figures, which holds up the holds that it watches."""


async def refund_by_turns(stack: Stack, watch: Watch) -> None:
    """Lets the worker work until everybody is refunded, with pauses."""
    pauses = cycle((Beside.NOTHING, Beside.OTHER_WORK))
    while refunds_made(stack) < MANY:
        began, used = time.monotonic(), cpu_seconds(stack)
        await asyncio.sleep(BEGINS_SECONDS)  # what the gateway answered while the worker stood still comes at once
        watch.beside = Beside.REFUNDS
        await asyncio.sleep(WORKS_SECONDS)
        beside, watch.beside = next(pauses), None
        seconds, now = time.monotonic() - began, cpu_seconds(stack)
        watch.working_seconds += seconds
        shares = [(now[name] - used[name]) / seconds for name in ELSEWHERE] if beside is Beside.OTHER_WORK else []
        stack.freeze("sync")
        with OtherWork(shares) as work:
            if SOAKING:
                give_way(*work.pids)
            await asyncio.sleep(BEGINS_SECONDS)
            watch.beside = beside
            await asyncio.sleep(STANDS_SECONDS)
            watch.beside = None
        stack.thaw("sync")


@asynccontextmanager
async def watched(storefront: Storefront, event: Event) -> AsyncIterator[Watch]:
    """Holds of an event while the block runs."""
    watch = Watch()

    async def go_on() -> None:
        number = 0
        while True:
            beside, began = watch.beside, time.perf_counter()
            number += 1
            held = await storefront.hold(event.ticket_id, f"watcher-{number}")
            assert held.status == 201, held
            if beside is not None and watch.beside is beside:
                watch.times_ms[beside].append(1000 * (time.perf_counter() - began))
            await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as group:
        watching = group.create_task(go_on())
        yield watch
        watching.cancel()


def p99(times_ms: list[float]) -> float:
    """The 99th percentile."""
    return round(quantiles(times_ms, n=100)[98], 1) if len(times_ms) > 1 else 0.0
