"""`onsale cluster status` and `plan` on three primaries and a new one, and a start with several addresses."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from cli.cluster import cluster_plan, cluster_status, planned_moves
from cli.dev.embedded_cluster import EmbeddedCluster
from cli.errors import UserError
from cli.lua_library import install_on_server
from engine.engine import Engine
from engine.settings import Settings
from tests.support.waiting import wait_until

PATIENCE_SECONDS = 30


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    with EmbeddedCluster(tmp_path / "cluster", tmp_path, 3, 0, spares=1, password="secret") as cluster:
        yield cluster


async def test_the_plan_spreads_the_partitions_over_a_new_shard(cluster: EmbeddedCluster) -> None:
    settings = Settings(redis_url=cluster.url)
    await asyncio.to_thread(install_on_server, settings)
    before = await asyncio.to_thread(cluster_status, settings)
    assert "Uneven: 5/6/5/0 partitions." in before
    assert before.count("has no replica") == 4
    plan = await asyncio.to_thread(cluster_plan, settings)
    ports = {node.port: number for number, node in enumerate(cluster.nodes)}
    moves = re.findall(r"-p (\d+) (CLUSTER MIGRATESLOTS .*)", plan)
    assert len(moves) == 4
    for port, command in moves:
        cluster.call(ports[int(port)], *command.split())

    async def is_even() -> bool:
        return await asyncio.to_thread(cluster_plan, settings) == "The partitions are spread evenly."

    await wait_until(is_even, PATIENCE_SECONDS, "each primary has four partitions")
    assert "Uneven" not in await asyncio.to_thread(cluster_status, settings)


async def test_one_address_that_answers_is_enough(cluster: EmbeddedCluster) -> None:
    first, *others = cluster.url.split(",")
    nowhere = first.replace(f":{cluster.nodes[0].port}", ":1")
    async with Engine(Settings(redis_url=",".join((nowhere, *others)))) as engine:
        assert engine.redis.is_cluster
    cluster.nodes[2].kill()
    said = await asyncio.to_thread(cluster_status, Settings(redis_url=cluster.url, command_timeout_ms=500))
    assert "does not answer: its partitions do not sell." in said


def test_a_single_server_is_no_cluster(engine_settings: Settings) -> None:
    with pytest.raises(UserError, match="is a single server"):
        cluster_status(replace(engine_settings, partitions=16))


@pytest.mark.parametrize("spread", [[[0, 1, 2, 3], []], [[0], [1]], [[0, 1, 2], [3], []], [[], [], [0, 1, 2, 3, 4, 5]]])
def test_no_node_has_two_partitions_more_than_another(spread: list[list[int]]) -> None:
    moves = planned_moves(spread)
    for partition, source, target in moves:
        spread[source].remove(partition)
        spread[target].append(partition)
    sizes = list(map(len, spread))
    assert max(sizes) - min(sizes) < 2
    assert planned_moves(spread) == []
