"""The catalogue cache of a process, and its answers while it cannot follow."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from api.catalogue.cache import CatalogueCache
from cli.dev.embedded import EmbeddedValkey
from engine.catalogue import (
    Changes,
    EventSnapshot,
    TicketSnapshot,
    publish_event,
    publish_venue,
    published_changes,
    read_venue,
)
from engine.client import Redis
from engine.engine import Engine
from engine.errors import Fault
from engine.seats import RowSnapshot, SectionSnapshot, VenueSnapshot
from engine.words import EventStatus
from tests.support.waiting import wait_until

Follow = Callable[..., Awaitable[CatalogueCache]]

_SELDOM = 3_600_000
"""An interval at which nothing is read unless somebody asks."""


def event(event_id: int, version: int = 1, name: str = "Big event", tickets: int = 1) -> EventSnapshot:
    return EventSnapshot(
        event_id=event_id,
        version=version,
        name=name,
        starts_ms=1_800_000_000_000 - event_id,
        timezone="UTC",
        venue_id=None,
        status=EventStatus.ON_SALE,
        sale_opens_ms=None,
        sale_closes_ms=None,
        hold_seconds=900,
        max_per_customer=10,
        tickets=[TicketSnapshot(100 * event_id + number, "VIP", 100, 10) for number in range(tickets)],
    )


@pytest.fixture
async def follow(engine: Engine) -> AsyncIterator[Follow]:
    """Starts processes that follow, so to speak."""
    async with AsyncExitStack() as stack:

        async def start(redis: Redis = engine.redis, **changes: int) -> CatalogueCache:
            settings = msgspec.structs.replace(engine.settings, **changes)
            return await stack.enter_async_context(CatalogueCache(redis, settings))

        yield start


class Calls:
    """Counts readings, and can hold them back or let them fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.error: Exception | None = None
        monkeypatch.setattr("api.catalogue.cache.published_changes", self._read)

    async def _read(self, redis: Redis, since: int) -> Changes:
        self.count += 1
        changes = await published_changes(redis, since)
        await self.go_on.wait()
        if self.error:
            raise self.error
        return changes


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


async def test_a_change_is_known_within_the_interval(engine: Engine, follow: Follow) -> None:
    catalogue = await follow(catalogue_age_ms=10)
    await publish_event(engine, event(1))
    await wait_until(lambda: 100 in catalogue.event_by_ticket, timeout=1)
    await publish_event(engine, event(1, version=2, name="Another name", tickets=2))
    await wait_until(lambda: 101 in catalogue.event_by_ticket, timeout=1)
    known = await catalogue.event(1)
    assert known is not None
    assert known.name == "Another name"
    assert await catalogue.events() == [known]


async def test_an_unknown_id_is_looked_up_at_once(engine: Engine, follow: Follow) -> None:
    catalogue = await follow(catalogue_age_ms=_SELDOM)
    for event_id in range(1, 6):
        assert await catalogue.event(event_id) is None, "asked for in vain a moment ago, it is found all the same"
        await publish_event(engine, event(event_id))
        found = await catalogue.event_of_ticket(100 * event_id)
        assert found is not None
        assert found.event_id == event_id
    assert [each.event_id for each in await catalogue.events()] == [5, 4, 3, 2, 1], "by their start"


async def test_known_events_are_read_without_waiting(engine: Engine, follow: Follow, calls: Calls) -> None:
    await publish_event(engine, event(1))
    catalogue = await follow(catalogue_age_ms=10)
    await catalogue.refresh()
    calls.go_on.clear()
    before = calls.count
    await wait_until(lambda: calls.count > before, timeout=1)

    known = catalogue.event(1)
    with pytest.raises(StopIteration) as told:
        known.send(None)  # one step: it must not have to wait
    assert told.value.value.event_id == 1
    calls.go_on.set()


async def test_a_crowd_that_asks_for_unknown_ids_makes_few_calls(follow: Follow, calls: Calls) -> None:
    catalogue = await follow(catalogue_age_ms=_SELDOM)
    before, began, asked = calls.count, time.monotonic(), 0
    while asked < 1000:
        assert await asyncio.gather(*(catalogue.event(asked + number) for number in range(100))) == [None] * 100
        asked += 100
    assert calls.count - before <= (time.monotonic() - began) / 0.005 + 1


async def test_a_crowd_waits_together(follow: Follow, calls: Calls) -> None:
    catalogue = await follow(catalogue_age_ms=_SELDOM)
    calls.go_on.clear()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(catalogue.event(7)) for _ in range(100)]
        before = calls.count
        await wait_until(lambda: calls.count > before)
        calls.go_on.set()
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        turns = 0
        while not all(one.done() for one in asking):
            await asyncio.sleep(0)
            turns += 1
    assert turns < 10, "one after another they take a turn of the loop each"


async def test_a_crowd_reads_a_venue_once(engine: Engine, follow: Follow, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [RowSnapshot("A", 101, 6)]
    venue = VenueSnapshot(1, "Hall", [SectionSnapshot(11, "Stalls", rows)])
    await publish_venue(engine, venue)
    catalogue = await follow()
    read: list[int] = []

    async def counted(redis: Redis, venue_id: int) -> VenueSnapshot | None:
        read.append(venue_id)
        return await read_venue(redis, venue_id)

    monkeypatch.setattr("api.catalogue.cache.read_venue", counted)
    seatings = await asyncio.gather(*(catalogue.venue(venue.venue_id) for _ in range(50)))
    assert read == [venue.venue_id]
    assert len({id(seating) for seating in seatings}) == 1
    assert await catalogue.venue(venue.venue_id) is seatings[0]
    await publish_venue(engine, venue)
    await catalogue.refresh()
    assert await catalogue.venue(venue.venue_id) is not seatings[0], "one that was published again is read again"


async def test_too_many_that_wait_are_refused(follow: Follow, calls: Calls) -> None:
    catalogue = await follow(catalogue_age_ms=_SELDOM, queue_commands=3)
    calls.go_on.clear()
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(catalogue.event(7)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Fault, match="too many"):
            await catalogue.event(7)
        calls.go_on.set()
    assert [one.result() for one in asking] == [None] * 3
    assert await catalogue.event(7) is None, "there is room again"


async def test_known_events_are_shown_while_redis_is_stopped(tmp_path: Path, engine: Engine) -> None:
    with EmbeddedValkey(tmp_path / "valkey", tmp_path / "log") as server:
        settings = msgspec.structs.replace(engine.settings, redis_url=server.url, command_timeout_ms=100)
        async with Engine(settings) as own, CatalogueCache(own.redis, settings) as catalogue:
            await publish_event(own, event(1))
            await catalogue.refresh()
            os.kill(server.child.pid, signal.SIGSTOP)
            try:
                assert await catalogue.event(1) is not None
                with pytest.raises(Fault):
                    await catalogue.event(2)
            finally:
                os.kill(server.child.pid, signal.SIGCONT)

            async def is_followed() -> bool:
                try:
                    return await catalogue.event(2) is None
                except Fault:
                    return False

            await wait_until(is_followed)


async def test_a_reading_that_breaks_is_not_the_last(engine: Engine, follow: Follow, calls: Calls) -> None:
    catalogue = await follow(catalogue_age_ms=10)
    calls.error = ValueError("damaged")
    with pytest.raises(Exception, match="damaged"):
        await catalogue.refresh()
    calls.error = None
    await publish_event(engine, event(1))
    assert await catalogue.event(1) is not None


async def test_a_change_waits_until_all_processes_know_it(engine: Engine, follow: Follow) -> None:
    ours, theirs, stopped = await follow(), await follow(), await follow(catalogue_age_ms=_SELDOM)
    await publish_event(engine, event(1))
    await ours.refresh_everywhere()
    assert {100} == set(ours.event_by_ticket) == set(theirs.event_by_ticket)
    assert not stopped.event_by_ticket, "the control: nobody waited for it more than a second"

    began = time.monotonic()
    await publish_event(engine, event(2))
    await ours.refresh_everywhere()
    assert {100, 200} == set(theirs.event_by_ticket)
    assert time.monotonic() - began < 0.9, "what does not follow is waited for once"


async def test_a_change_does_not_wait_for_ended_processes(engine: Engine, follow: Follow) -> None:
    ours = await follow()
    async with CatalogueCache(engine.redis, engine.settings):
        await publish_event(engine, event(1))
        await ours.refresh_everywhere()
    began = time.monotonic()
    await publish_event(engine, event(2))
    await ours.refresh_everywhere()
    assert time.monotonic() - began < 0.5


async def test_venues_are_followed_like_events(engine: Engine, follow: Follow) -> None:
    catalogue = await follow(catalogue_age_ms=_SELDOM)
    assert await catalogue.venue(3) is None
    hall = VenueSnapshot(3, "Hall", [SectionSnapshot(1, "Stalls", [RowSnapshot("A", 1, 20)])])
    await publish_venue(engine, hall)
    found = await catalogue.venue(3)
    assert found is not None
    assert (found.venue, await catalogue.venue_ids()) == (hall, [3])
    await publish_venue(engine, msgspec.structs.replace(hall, name="Old hall"))
    await catalogue.refresh()
    found = await catalogue.venue(3)
    assert found is not None
    assert found.venue.name == "Old hall"
