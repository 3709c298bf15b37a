"""Sentinels in front of a primary with two replicas: they choose another primary, and sales go on there."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from cli.dev.embedded import EmbeddedValkey
from engine.addresses import Address
from engine.engine import Engine
from engine.errors import Misconfigured
from engine.sentinel import Sentinels
from engine.settings import Settings
from tests.integration.api.conftest import GatewayLedger, StartApi
from tests.support.cluster.sale import PATIENT, Happening, Sale
from tests.support.effort import LONG
from tests.support.invariants import check_invariants
from tests.support.sentinels import NAME, WatchedServers, watched_servers
from tests.support.waiting import wait_until

PARTITIONS = 3
_TRY_SECONDS = 30


@pytest.fixture
def servers(tmp_path: Path, repository: Path) -> Iterator[WatchedServers]:
    with watched_servers(tmp_path, repository / "deploy" / "valkey") as servers:
        yield servers


@pytest.fixture
def behind(shop: Settings, servers: WatchedServers) -> Settings:
    return replace(shop, redis_url=servers.url, replica_acks=1, partitions=PARTITIONS, **PATIENT)


async def kill(servers: WatchedServers) -> None:
    """kill -9; the server comes back when another one is the primary, and is made its replica."""
    primary = servers.primary()
    primary.kill()
    await servers.have_another_primary(primary)
    primary.start()


async def freeze(servers: WatchedServers) -> None:
    """SIGSTOP; its connections stay open."""
    primary = servers.primary()
    os.kill(primary.child.pid, signal.SIGSTOP)
    try:
        await servers.have_another_primary(primary)
    finally:
        os.kill(primary.child.pid, signal.SIGCONT)


async def everything() -> set[int]:
    """All partitions are on the one primary."""
    return set(range(PARTITIONS))


@pytest.mark.timeout(240)
@pytest.mark.parametrize("failure", [kill, pytest.param(freeze, marks=LONG)])
async def test_nothing_acknowledged_is_lost_when_sentinels_fail_over(
    servers: WatchedServers,
    behind: Settings,
    sync_url: str,
    start_api: StartApi,
    ledger: GatewayLedger,
    failure: Callable[[WatchedServers], Awaitable[None]],
) -> None:
    await servers.are_ready()
    sale = Sale(behind, sync_url, start_api, seed=1)
    found = await sale.run([Happening(failure.__name__, lambda: failure(servers), everything)])
    assert found == []
    assert 500 not in sale.history.statuses
    assert all(sale.history.acknowledged[kind] for kind in ("held", "paid", "cancelled", "completed", "booked"))
    charged, sold = await sale.charged_and_sold(ledger)
    assert charged == sold
    await asyncio.to_thread(check_invariants, servers.primary().url)


@pytest.mark.parametrize("named", [True, False], ids=["named", "found"])
async def test_readiness_tells_that_there_are_sentinels(
    servers: WatchedServers, behind: Settings, start_api: StartApi, *, named: bool
) -> None:
    """They are known by the name of the primary in the URL, and without by what they answer."""
    await servers.are_ready()
    redis_url = behind.redis_url if named else behind.redis_url.replace(f"/{NAME}", "")
    front = await start_api(redis_url=redis_url, partitions=PARTITIONS, replica_acks=1, **PATIENT)
    ready = await front.get("/readyz")
    assert (ready.status, ready.body["topology"]) == (200, "sentinel")
    await front.held(((await front.event(10))["tickets"][0]["id"], 1))


async def test_a_sentinel_that_is_away_or_behind_does_not_count(servers: WatchedServers, behind: Settings) -> None:
    await servers.are_ready()
    sentinels = Sentinels(behind)
    try:
        before = _address(servers.primary())
        assert await sentinels.find() == before
        lagging = servers.sentinels[0].child
        os.kill(lagging.pid, signal.SIGSTOP)
        try:
            primary = servers.primary()
            primary.kill()
            await wait_until(lambda: servers.primary() is not primary, _TRY_SECONDS, "the others fail over")
            await wait_until(lambda: _find(sentinels, servers), _TRY_SECONDS, "the new primary is found")
        finally:
            os.kill(lagging.pid, signal.SIGCONT)
        for _ in range(5):  # the one that slept may tell its old view at first
            assert await sentinels.find() != before
    finally:
        await sentinels.aclose()


async def test_one_of_several_watched_primaries_must_be_named(servers: WatchedServers, behind: Settings) -> None:
    await servers.are_ready()
    servers.watch_another("concerts")
    with pytest.raises(Misconfigured, match="concerts, tickets: name one"):
        async with Engine(replace(behind, redis_url=behind.redis_url.replace(f"/{NAME}", ""))):
            pass


async def _find(sentinels: Sentinels, servers: WatchedServers) -> bool:
    return await sentinels.find() == _address(servers.primary())


def _address(server: EmbeddedValkey) -> Address:
    return Address("127.0.0.1", server.port)
