"""A node of a cluster that is away when a process starts: it is checked, and gets the library, when it comes back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.dev.embedded_cluster import EmbeddedCluster
from engine.commands.events import Count
from engine.engine import Engine
from engine.errors import Fault, Misconfigured
from engine.library import installed_text, library_text, version_of
from engine.redis_keys import partition_of, slot_of, spread_keys
from engine.results.events import UnknownPool
from engine.server import check_server
from engine.settings import Settings
from tests.support.redis_nodes import primaries
from tests.support.waiting import wait_until

PARTITIONS, GONE = 6, 0
_PATIENCE_SECONDS = 30


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster(tmp_path / "cluster", tmp_path, 3, 0, node_timeout_ms=1000) as cluster:
        yield cluster


@pytest.fixture
def settings(cluster: EmbeddedCluster) -> Settings:
    return Settings(
        redis_url=cluster.url, auth="off", partitions=PARTITIONS, command_timeout_ms=1000, connect_timeout_ms=300
    )


async def test_a_node_that_comes_back_is_checked_and_gets_the_library(
    cluster: EmbeddedCluster, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_partition = {partition_of(event_id, PARTITIONS): event_id for event_id in range(1, 100)}
    homes = {keys.partition: cluster.primary_of(slot_of(keys.meta)) for keys in spread_keys(PARTITIONS)}
    lost = next(partition for partition, home in homes.items() if home == GONE)
    there = next(partition for partition, home in homes.items() if home != GONE)
    async with Engine(settings):
        pass
    older = library_text().replace(f"version: {version_of(library_text())}", "version: 1")
    with primaries(cluster.url) as nodes:
        for node in nodes:
            node.function_load(older, replace=True)
    cluster.nodes[GONE].kill()
    checks = 0

    async def failing(*_: object) -> None:
        nonlocal checks
        checks += 1
        raise Misconfigured("the server evicts keys")

    async with Engine(settings) as engine:
        monkeypatch.setattr("engine.preparation.check_server", failing)
        cluster.nodes[GONE].start()
        await wait_until(lambda: asyncio.sleep(0, checks >= 2), _PATIENCE_SECONDS, "it was looked at")
        with pytest.raises(Fault):
            await engine.submit(Count(by_partition[lost]))
        assert await engine.submit(Count(by_partition[there])) == UnknownPool(0), "the others go on"
        monkeypatch.setattr("engine.preparation.check_server", check_server)
        await wait_until(lambda: _answers(engine, by_partition[lost]), _PATIENCE_SECONDS, "it is served")
        assert await installed_text(engine.redis.at(engine.keys[lost].meta)) == library_text()


async def _answers(engine: Engine, event_id: int) -> bool:
    try:
        return await engine.submit(Count(event_id)) == UnknownPool(0)
    except Fault:
        return False
