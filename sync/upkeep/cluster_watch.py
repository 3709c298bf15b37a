"""A watch on the nodes of a cluster: moves of slots, partitions that are away, and replicas that are behind."""

import asyncio
from typing import cast

from engine.client import Redis
from engine.cluster import ClusterClient
from engine.engine import Engine
from engine.errors import Fault
from engine.inspection import replication_of
from engine.redis_keys import slot_of
from engine.topology import Topology
from sync.metrics import SyncMetrics

_LOOK_SECONDS = 1.0


async def run_cluster_watch(engine: Engine, redis: Redis, metrics: SyncMetrics) -> None:
    """Looks every second, forever. Of a single server with replicas it tells how far they are behind."""
    while True:
        for node in await redis.primaries():
            try:
                replication = await replication_of(node)
            except Fault:  # told by the client's outage
                continue
            metrics.replicas.labels(replication.node).set(len(replication.behind))
            metrics.replicas_behind.labels(replication.node).set(max(replication.behind, default=0))
        if redis.is_cluster:
            topology = cast("ClusterClient", redis).nodes.topology
            metrics.cluster_changes.set(topology.changes)
            looks = await asyncio.gather(*(_is_away(redis, topology, keys.meta) for keys in engine.keys))
            for keys, away in zip(engine.keys, looks, strict=True):
                metrics.partitions_away.labels(f"{keys.partition:02}").set(int(away))
        await asyncio.sleep(_LOOK_SECONDS)


async def _is_away(redis: Redis, topology: Topology, key: str) -> bool:
    if topology.owner(slot_of(key)) is None:
        return True
    try:
        return await redis.hget(key, "seq") is None
    except Fault:
        return True
