"""A long line, places that return at random, and a crowd that tries all the time; the server is killed in between."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from cli.dev.embedded import EmbeddedValkey
from engine.commands.holds import Hold
from engine.commands.items import items_text
from engine.engine import Engine
from engine.errors import Fault
from engine.ids import new_reservation_id
from engine.library import library_text
from engine.results.holds import Held, SoldOut
from engine.settings import Settings
from engine.words import WaitingState
from tests.support.effort import effort
from tests.support.engine.waiting_list import TICKET, WaitingEvent

PLACES = 120
WAITING = effort(300, 1000)
BUYERS = 8
KILLS = 2
_PATIENT_MS = 20_000


class Crowd:
    """Buyers who try to hold a place, again and again."""

    def __init__(self, event: WaitingEvent) -> None:
        self._event = event
        self.got: list[str] = []
        self.refused = 0
        self._over = False

    async def run(self) -> None:
        async with asyncio.TaskGroup() as buyers:
            for number in range(BUYERS):
                buyers.create_task(self._buy(number))

    def stop(self) -> None:
        self._over = True

    async def _buy(self, number: int) -> None:
        attempt = 0
        while not self._over:
            attempt += 1
            rid, wish = new_reservation_id(self._event.event_id), items_text([(TICKET, 1)])
            command = Hold(rid, self._event.event_id, f"crowd-{number}-{attempt}", "{}", "", wish)
            try:
                result = await self._event.engine.submit(command)
            except Fault:
                continue
            self.refused += isinstance(result, SoldOut)
            if isinstance(result, Held):
                self.got.append(rid)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    """A server that the test may kill."""
    with EmbeddedValkey(tmp_path / "valkey", tmp_path / "valkey.log") as server:
        yield server


@pytest.fixture
async def killable(own_server: EmbeddedValkey, engine_settings: Settings) -> AsyncIterator[Engine]:
    settings = replace(engine_settings, redis_url=own_server.url, partitions=1, command_timeout_ms=_PATIENT_MS)
    async with Engine(settings) as engine:
        yield engine


async def play(event: WaitingEvent, server: EmbeddedValkey | None, *, guarded: bool = True) -> tuple[Crowd, list[str]]:
    """Returns the crowd, and the entries in the order in which they joined."""
    chance = random.Random(7)  # noqa: S311  # nothing secret
    held = [await event.hold(f"early-{number}") for number in range(PLACES)]
    ids = [await event.wait(f"customer-{number}", chance.choice([1, 1, 1, 2, 3])) for number in range(WAITING)]
    crowd = Crowd(event)
    kill_at = {len(held) * (number + 1) // (KILLS + 1) for number in range(KILLS)}
    async with asyncio.TaskGroup() as tasks:
        trying = tasks.create_task(crowd.run())
        chance.shuffle(held)
        for number, rid in enumerate(held):
            await event.cancel(rid)
            counts = await event.counts()
            total = counts.available + counts.held + counts.paying + counts.sold + counts.kept
            assert total == PLACES
            assert counts.available == 0 or not guarded
            if server is not None and number in kill_at:
                server.kill()
                await asyncio.to_thread(server.start)
        crowd.stop()
        await trying
    return crowd, ids


async def test_nobody_jumps_the_line_and_no_crash_loses_a_place(killable: Engine, own_server: EmbeddedValkey) -> None:
    event = WaitingEvent(killable)
    await event.publish(PLACES)
    crowd, ids = await play(event, own_server)
    assert crowd.got == []
    assert crowd.refused > 0
    states = await event.states(*ids)
    served = [state is WaitingState.OFFERED for state in states]
    assert served == sorted(served, reverse=True), "first come, first served"
    entries = [await event.entry(each) for each in ids]
    assert all(before.number < after.number for before, after in pairwise(entries))
    offered = sum(entry.quantity for entry in entries if entry.state is WaitingState.OFFERED)
    waits_next = next(entry.quantity for entry in entries if entry.state is WaitingState.WAITING)
    assert PLACES - waits_next < offered <= PLACES, "as many as the first in line does not wait for are offered"


@pytest.mark.damages_keys
async def test_without_the_line_the_crowd_gets_places(
    killable: Engine, monkeypatch: pytest.MonkeyPatch, own_server: EmbeddedValkey
) -> None:
    """The negative control: the crowd is quick enough to notice a place that is for sale for an instant."""
    guard = "pool.aside, pool.available, returned = pool.aside + pool.available - base, base, true"
    text = library_text()
    assert guard in text
    broken = text.replace(guard, "lined.base = pool.available").replace("-- version: ", "-- version: 1")
    await killable.redis.execute_command("FUNCTION", "LOAD", "REPLACE", broken)
    event = WaitingEvent(killable)
    await event.publish(PLACES)
    crowd, _ = await play(event, None, guarded=False)
    assert crowd.got
