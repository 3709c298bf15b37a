"""`onsale cluster …`: which node has which partition, and how to spread them evenly."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple, cast

from redis.exceptions import RedisError

from cli.errors import UserError
from engine.cluster import ClusterClient
from engine.errors import Fault
from engine.inspection import Replication, replication_of, server_time_ms
from engine.library import installed_text, library_text, version_of
from engine.opening import opened_redis
from engine.redis_keys import PartitionKeys, slot_of
from engine.settings import Settings
from engine.topology import Shard


class Node(NamedTuple):
    """A primary with its partitions. `version`: of the Lua library, 0 if there is none; -1 if it does not answer."""

    shard: Shard
    partitions: list[int]
    replication: Replication | None
    version: int
    clock_ms: int


def cluster_status(settings: Settings) -> str:
    """A table of the nodes, and what is wrong with them. Raises UserError."""
    nodes = asyncio.run(_nodes(settings))
    clocks = [node.clock_ms for node in nodes if node.clock_ms]
    lines = [f"{'primary':<24} {'partitions':<40} {'replicas':>8} {'behind':>10} {'library':>8} {'clock':>8}"]
    for node in nodes:
        partitions = ",".join(f"{number:02}" for number in node.partitions) or "-"
        if node.replication is None:
            lines.append(f"{node.shard.primary!s:<24} {partitions:<40} does not answer")
            continue
        behind, ahead_ms = max(node.replication.behind, default=0), node.clock_ms - min(clocks)
        lines.append(
            f"{node.shard.primary!s:<24} {partitions:<40} {len(node.replication.behind):>8} {behind:>8} B "
            f"{node.version:>8} {ahead_ms:>5} ms"
        )
    return "\n".join([*lines, "", *_remarks(nodes, settings)])


def cluster_plan(settings: Settings) -> str:
    """The commands that give each primary its share of the partitions; says so if they are even. Raises UserError."""
    nodes = asyncio.run(_nodes(settings))
    keys = asyncio.run(_keys(settings))
    moves = planned_moves([node.partitions for node in nodes])
    if not moves:
        return "The partitions are spread evenly."
    lines = ["# Valkey 9: run each command at the first node, and wait until `onsale cluster status` shows the move."]
    for partition, source, target in moves:
        slot, primary = slot_of(keys[partition].meta), nodes[source].shard.primary
        lines.append(
            f"valkey-cli -h {primary.host} -p {primary.port} CLUSTER MIGRATESLOTS SLOTSRANGE {slot} {slot} "
            f"NODE {nodes[target].shard.node_id}"
        )
    return "\n".join(lines)


def planned_moves(partitions: Sequence[Sequence[int]]) -> list[tuple[int, int, int]]:
    """The fewest moves (partition, from, to) after which no node has two partitions more than another."""
    spread = [list(one) for one in partitions]
    moves = []
    while spread:
        most = max(range(len(spread)), key=lambda number: len(spread[number]))
        least = min(range(len(spread)), key=lambda number: len(spread[number]))
        if len(spread[most]) - len(spread[least]) < 2:
            break
        partition = spread[most].pop()
        spread[least].append(partition)
        moves.append((partition, most, least))
    return moves


def _remarks(nodes: Sequence[Node], settings: Settings) -> list[str]:
    remarks = []
    shares = [len(node.partitions) for node in nodes]
    if planned_moves([node.partitions for node in nodes]):
        remarks.append(f"Uneven: {'/'.join(map(str, shares))} partitions. `onsale cluster plan` prints the moves.")
    own = version_of(library_text())
    for node in nodes:
        if node.replication is None:
            remarks.append(f"{node.shard.primary} does not answer: its partitions do not sell.")
            continue
        if node.version != own:
            remarks.append(f"{node.shard.primary} has version {node.version} of the Lua library, this release {own}.")
        if len(node.replication.behind) <= settings.replica_acks and settings.replica_acks:
            remarks.append(
                f"{node.shard.primary} has {len(node.replication.behind)} replicas, and ONSALE_REPLICA_ACKS is "
                f"{settings.replica_acks}: after a failover nothing is answered. Give it one more."
            )
        elif not node.replication.behind:
            remarks.append(f"{node.shard.primary} has no replica: nothing takes over for it.")
    away = settings.partitions - sum(shares)
    if away:
        remarks.append(f"{away} partitions are on no node: their slots are not assigned.")
    return remarks or ["All is well."]


async def _keys(settings: Settings) -> list[PartitionKeys]:
    async with opened_redis(settings, 2) as redis:
        return redis.partition_keys(settings.partitions)


async def _nodes(settings: Settings) -> list[Node]:
    try:
        async with opened_redis(settings, 2) as redis:
            if not redis.is_cluster:
                raise UserError("ONSALE_REDIS_URL is a single server; docs/scaling.md says how to use a cluster")
            return await _looked_at(cast("ClusterClient", redis), settings)
    except (Fault, RedisError, OSError) as error:
        raise UserError(f"Redis does not answer: {error.__cause__ or error}; check ONSALE_REDIS_URL") from error


async def _looked_at(redis: ClusterClient, settings: Settings) -> list[Node]:
    topology, owners = redis.nodes.topology, Counter[object]()
    partitions: dict[object, list[int]] = {}
    for keys in redis.partition_keys(settings.partitions):
        owner = topology.owner(slot_of(keys.meta))
        owners[owner] += 1
        partitions.setdefault(owner, []).append(keys.partition)
    found = []
    for shard, node in zip(topology.shards, await redis.primaries(), strict=True):
        here = partitions.get(shard.primary, [])
        try:
            text = await installed_text(node) or ""
            found.append(Node(shard, here, await replication_of(node), version_of(text), await server_time_ms(node)))
        except Fault:
            found.append(Node(shard, here, None, -1, 0))
    return sorted(found, key=lambda node: node.partitions or [settings.partitions])
