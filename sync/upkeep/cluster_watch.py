"""A watch on the nodes of a cluster: moves of slots, partitions that are away, and replicas that are behind."""

import asyncio
from collections.abc import Sequence
from typing import cast

from engine.client import Redis
from engine.cluster import ClusterClient
from engine.engine import Engine
from engine.errors import Fault
from engine.inspection import replication_of
from engine.redis_keys import PartitionKeys, slot_of
from engine.topology import Topology
from sync.metrics import SyncMetrics

_LOOK_SECONDS = 1.0


async def run_cluster_watch(engine: Engine, redis: Redis, metrics: SyncMetrics) -> None:
    """Looks every second, forever. Of a single server with replicas it reports how far they are behind."""
    homes: dict[int, str] = {}
    primaries: set[str] = set()
    while True:
        await _look_at_replicas(redis, primaries, metrics)
        if redis.is_cluster:
            topology = cast("ClusterClient", redis).nodes.topology
            metrics.cluster_changes.set(topology.changes)
            entries = await asyncio.gather(*(_last_entry(redis, topology, keys.meta) for keys in engine.keys))
            for keys, last in zip(engine.keys, entries, strict=True):
                partition = f"{keys.partition:02}"
                metrics.partitions_away.labels(partition).set(int(last is None))
                if last is not None:
                    metrics.partition_entries.labels(partition).set(last)
            _tell_homes(engine.keys, topology, homes, metrics)
        await asyncio.sleep(_LOOK_SECONDS)


async def _look_at_replicas(redis: Redis, told: set[str], metrics: SyncMetrics) -> None:
    """Reports the replicas of all primaries. `told`: the primaries that were reported until now."""
    nodes = await redis.primaries()
    for gone in told - {node.name for node in nodes}:
        told.remove(gone)
        metrics.replicas.remove(gone)
        metrics.replicas_behind.remove(gone)
    for node in nodes:
        try:
            replication = await replication_of(node)
        except Fault:  # logged by the client's outage
            continue
        metrics.replicas.labels(replication.node).set(len(replication.behind))
        metrics.replicas_behind.labels(replication.node).set(max(replication.behind, default=0))
        told.add(replication.node)


def _tell_homes(
    partitions: Sequence[PartitionKeys], topology: Topology, homes: dict[int, str], metrics: SyncMetrics
) -> None:
    """Reports which node has each partition. `homes`: those that were reported until now."""
    for keys in partitions:
        owner, before = topology.owner(slot_of(keys.meta)), homes.get(keys.partition)
        if owner is None or str(owner) == before:
            continue
        partition = f"{keys.partition:02}"
        if before is not None:
            metrics.partition_nodes.remove(partition, before)
        homes[keys.partition] = str(owner)
        metrics.partition_nodes.labels(partition, str(owner)).set(1)


async def _last_entry(redis: Redis, topology: Topology, key: str) -> int | None:
    """The number of the last outbox entry of a partition; None: its server is away, or has lost it."""
    if topology.owner(slot_of(key)) is None:
        return None
    try:
        last = await redis.hget(key, "seq")
    except Fault:
        return None
    return None if last is None else int(last)
