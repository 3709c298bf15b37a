"""The watch on the clocks of several servers of Redis."""

import asyncio
import time
from typing import Any

import pytest
from structlog.testing import capture_logs

from engine.redis_keys import spread_keys
from engine.settings import Settings
from sync.metrics import SyncMetrics
from sync.upkeep.clock_watch import run_clock_watch
from tests.support.waiting import wait_until

KEYS = spread_keys(4)


class Server:
    """One whose clock is some seconds ahead of ours."""

    def __init__(self, name: str, ahead: float) -> None:
        self.name, self.ahead, self.looks = name, ahead, 0

    async def primaries(self) -> list["Server"]:
        return [self]

    async def time(self) -> tuple[int, int]:
        self.looks += 1
        now = time.time() + self.ahead
        return int(now), int(now % 1 * 1e6)


class Cluster:
    """Two servers. The first has the first partition, and `owner` the others."""

    def __init__(self) -> None:
        self.servers = [Server("one", 0), Server("other", 1200)]
        self.owner = 0

    async def primaries(self) -> list[Server]:
        return self.servers

    def at(self, key: str) -> Server:
        return self.servers[0 if key == KEYS[0].meta else self.owner]

    async def looked_at(self) -> None:
        """Waits until both were looked at once more, and that was judged."""
        wanted = self.servers[1].looks + 2
        await wait_until(lambda: self.servers[1].looks >= wanted, what="the watch looks")


async def test_a_server_with_another_time_that_takes_over_is_a_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sync.upkeep.clock_watch._LOOK_SECONDS", 0.02)
    cluster: Any = Cluster()
    metrics = SyncMetrics()
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as group:
            watch = group.create_task(run_clock_watch(Settings(), cluster, KEYS, metrics))
            await cluster.looked_at()
            assert logs == [], "clocks that differ are no jump"
            cluster.owner = 1
            await cluster.looked_at()
            cluster.owner = 0
            await cluster.looked_at()
            cluster.servers.pop()
            cluster.servers.append(Server("third", 0))
            await cluster.looked_at()
            watch.cancel()
    jumped = [(line["direction"], round(line["ms"], -3)) for line in logs]
    assert jumped == [("forward", 1_200_000), ("backward", 1_200_000)], "once each, of three partitions"
    told = {sample.labels["node"]: round(sample.value) for sample in _leads(metrics)}
    assert told == {"one": 0, "third": 0}


def _leads(metrics: SyncMetrics) -> list[Any]:
    families = [family for family in metrics.registry.collect() if family.name == "onsale_clock_ahead_seconds"]
    return families[0].samples
