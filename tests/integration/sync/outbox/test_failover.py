"""A replica becomes the primary: what was acknowledged is in Postgres, and a possible loss is never silent."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from redis import Redis
from structlog.testing import capture_logs
from structlog.typing import EventDict

from cli.dev.embedded import EmbeddedValkey
from engine.catalogue import published_changes
from engine.engine import Engine
from engine.errors import OutcomeUnknown
from engine.settings import Settings
from sync.audit.audit import audit
from sync.postgres import Postgres
from tests.support.engine.replica_pair import Pair, replica_pair
from tests.support.sync.box_office import BoxOffice, running
from tests.support.waiting import wait_until

ACKNOWLEDGED_BEFORE, NOT_ACKNOWLEDGED, ACKNOWLEDGED_AFTER = 3, 3, 5


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with replica_pair(tmp_path) as pair:
        yield pair


@pytest.fixture
def at_primary(settings: Settings, pair: Pair) -> Settings:
    return msgspec.structs.replace(
        settings,
        redis_url=pair.server.url,
        partitions=2,
        replica_acks=1,
        replica_timeout_ms=500,
        command_timeout_ms=2000,
        sync_poll_ms=20,
    )


@pytest.fixture
def at_replica(at_primary: Settings, pair: Pair) -> Settings:
    """When the replica is the primary, and has no replica itself."""
    return msgspec.structs.replace(at_primary, redis_url=pair.replica.url, replica_acks=0)


@asynccontextmanager
async def box_office(settings: Settings, pool: Postgres) -> AsyncIterator[BoxOffice]:
    async with Engine(settings) as engine:
        yield BoxOffice(settings, engine, pool)


async def fail_over(
    pair: Pair, at_primary: Settings, pool: Postgres, *, barrier: bool
) -> tuple[BoxOffice, set[str], list[EventDict]]:
    """Three holds that the replica has and three that it has not, read by sync; then the primary is killed.

    Returns the office, the holds that were acknowledged, and what the reader logged.
    """
    await pair.join()
    async with box_office(at_primary, pool) as office:
        await office.open()
        acknowledged = {await office.hold() for _ in range(ACKNOWLEDGED_BEFORE)}
        reads = at_primary if barrier else msgspec.structs.replace(at_primary, replica_acks=0)
        async with running(BoxOffice.reader(_reading(office, reads)).run()):
            await wait_until(office.outbox_is_empty)
        await pair.cut_off()
        for _ in range(NOT_ACKNOWLEDGED):
            with pytest.raises(OutcomeUnknown):
                await office.hold()
        with capture_logs() as logs:
            async with running(_reading(office, reads).reader().run()):
                if barrier:
                    await wait_until(lambda: [line for line in logs if line["event"] == "replicas_behind"])
                else:
                    await wait_until(office.outbox_is_empty)
        known = len(await office.statuses())
        assert known == ACKNOWLEDGED_BEFORE + (0 if barrier else NOT_ACKNOWLEDGED)
    pair.server.kill()
    return office, acknowledged, logs


def _reading(office: BoxOffice, settings: Settings) -> BoxOffice:
    other = BoxOffice(settings, office.engine, office.postgres)
    other.event, other.metrics = office.event, office.metrics
    return other


async def test_all_that_was_acknowledged_is_in_postgres_after_a_failover(
    pair: Pair, at_primary: Settings, at_replica: Settings, pool: Postgres
) -> None:
    before, acknowledged, _ = await fail_over(pair, at_primary, pool, barrier=True)
    async with box_office(at_replica, pool) as office:
        office.event = before.event
        acknowledged |= {await office.hold() for _ in range(ACKNOWLEDGED_AFTER)}
        with capture_logs() as logs:
            async with running(office.reader().run()):
                await wait_until(office.outbox_is_empty)
        assert (await office.statuses()).keys() == acknowledged
        assert len(acknowledged) == 8
    assert "outbox_epoch_begun" in [line["event"] for line in logs]
    assert [line for line in logs if line["log_level"] == "error"] == []
    assert await audit(at_replica) == []


async def test_without_the_barrier_the_fence_raises_the_alarm(
    pair: Pair, at_primary: Settings, at_replica: Settings, pool: Postgres
) -> None:
    """Sync has written what no replica had, so Postgres and the new primary are of two histories."""
    before, acknowledged, _ = await fail_over(pair, at_primary, pool, barrier=False)
    async with box_office(at_replica, pool) as office:
        office.event = before.event
        for _ in range(ACKNOWLEDGED_AFTER):
            await office.hold()
        with capture_logs() as logs:
            async with running(office.reader().run()):
                await wait_until(lambda: bool(_stopped(office)))
        assert acknowledged < (await office.statuses()).keys(), "nothing is skipped, nothing more is written"
        assert len(await office.entries()) == ACKNOWLEDGED_AFTER
    error = next(line["error"] for line in logs if line["event"] == "outbox_broken")
    assert "Postgres has what Redis lost" in error


async def test_without_barrier_and_fence_acknowledged_holds_are_lost_silently(
    pair: Pair, at_primary: Settings, at_replica: Settings, pool: Postgres
) -> None:
    """The negative control: the new primary takes itself for the old one, and uses its numbers again."""
    before, acknowledged, _ = await fail_over(pair, at_primary, pool, barrier=False)
    with Redis.from_url(pair.replica.url) as redis:
        for key in redis.scan_iter("{p*}:meta"):
            redis.hset(key, "run_id", redis.info("server")["run_id"])
    async with box_office(at_replica, pool) as office:
        office.event = before.event
        acknowledged |= {await office.hold() for _ in range(ACKNOWLEDGED_AFTER)}
        with capture_logs() as logs:
            async with running(office.reader().run()):
                await wait_until(office.outbox_is_empty)
        missing = acknowledged - (await office.statuses()).keys()
    assert len(missing) == NOT_ACKNOWLEDGED
    assert [line for line in logs if line["log_level"] == "error"] == []


def _stopped(office: BoxOffice) -> float:
    return float(office.metrics.stopped.labels(f"{office.keys.partition:02}")._value.get())


def _epochs(settings: Settings, office: BoxOffice) -> set[bytes]:
    """The facts of the entries, over a connection of its own, too."""
    with Redis.from_url(settings.redis_url) as redis:
        return {entry_id.partition(b"-")[0] for entry_id, _ in redis.xrange(office.keys.outbox)}


def _emptied(settings: Settings, office: BoxOffice) -> bool:
    """Over a connection of its own: those of the engine may be those to a server that is gone."""
    with Redis.from_url(settings.redis_url) as redis:
        return not redis.xlen(office.keys.outbox)


async def test_restarts_raise_no_alarm_however_often(settings: Settings, pool: Postgres, tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "data", tmp_path / "log") as server:
        own = msgspec.structs.replace(settings, redis_url=server.url, partitions=2, sync_poll_ms=20)
        async with box_office(own, pool) as office:
            await office.open()
            rids = {await office.hold()}

            async def restart() -> None:
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)

            for number in range(4):
                await restart()
                if number == 1:
                    await office.record(next(iter(rids)))  # an epoch without an entry
                else:
                    rids.add(await office.hold())
            assert len(_epochs(own, office)) == 4
            with capture_logs() as logs:
                async with running(office.reader().run()):
                    await wait_until(lambda: _emptied(own, office))
                    await restart()
                    rids.add(await office.hold())
                    await wait_until(lambda: _emptied(own, office))
            assert (await office.statuses()).keys() == rids
        assert [line for line in logs if line["log_level"] == "error"] == []
        assert await audit(own) == []


async def test_a_change_of_the_catalogue_gets_a_number_that_the_lost_primary_never_gave(
    pair: Pair, at_primary: Settings, at_replica: Settings, pool: Postgres
) -> None:
    """A process that followed the old primary up to its last change does not miss the first one of the new primary."""
    await pair.join()
    async with box_office(at_primary, pool) as office:
        await office.open()
        await pair.cut_off()
        for _ in range(3):
            with pytest.raises(OutcomeUnknown):
                await office.open()
        known = (await published_changes(office.engine.redis, 0)).last
    pair.server.kill()
    async with box_office(at_replica, pool) as office:
        await office.open()
        changes = await published_changes(office.engine.redis, known)
    assert office.event.event_id in changes.events
