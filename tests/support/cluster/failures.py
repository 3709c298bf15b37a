"""Failures of the nodes of a cluster while it sells, and how each ends."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from functools import partial

from redis.exceptions import RedisError

from cli.dev.cluster_nodes import ClusterNodes
from cli.dev.embedded_cluster import EmbeddedCluster
from tests.support.cluster.apart import apart
from tests.support.cluster.moves import move_at_once, moving_by_keys, wait_for

Failure = Callable[[EmbeddedCluster, int], Awaitable[None]]
"""Happens to the primary of a slot, and is over when it returns."""


async def kill(cluster: EmbeddedCluster, slot: int) -> None:
    """kill -9; a replica takes over, and the node comes back as one."""
    primary = await primary_of(cluster, slot)
    cluster.nodes[primary].kill()
    await has_another_primary(cluster, slot, primary)
    await asyncio.to_thread(cluster.nodes[primary].start)
    await is_whole(cluster)


async def freeze(cluster: EmbeddedCluster, slot: int) -> None:
    """SIGSTOP; a replica takes over. Then two nodes believe for a moment that they are the primary."""
    primary = await primary_of(cluster, slot)
    pid = cluster.nodes[primary].child.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        await has_another_primary(cluster, slot, primary)
    finally:
        os.kill(pid, signal.SIGCONT)
    await is_whole(cluster)


async def hand_over(cluster: EmbeddedCluster, slot: int) -> None:
    """CLUSTER FAILOVER, as before an upgrade."""
    primary = await primary_of(cluster, slot)
    replica = await apart(replicas_of, cluster.seen, primary)
    cluster.call(replica[0], "CLUSTER", "FAILOVER")
    await has_another_primary(cluster, slot, primary)
    await is_whole(cluster)


async def kill_with_stalled_replicas(cluster: EmbeddedCluster, slot: int, seconds: float = 1) -> None:
    """The replicas get nothing more for a while, and then the primary is killed: they lack what it wrote meanwhile."""
    primary = await primary_of(cluster, slot)
    replicas = await apart(replicas_of, cluster.seen, primary)
    for replica in replicas:
        cluster.call(replica, "CONFIG", "SET", "primaryauth", "wrong")
        cluster.call(replica, "CLIENT", "KILL", "TYPE", "primary")
    await asyncio.sleep(seconds)  # no waiting: sales go on meanwhile
    cluster.nodes[primary].kill()
    for replica in replicas:
        cluster.call(replica, "CONFIG", "SET", "primaryauth", cluster.password)
    await has_another_primary(cluster, slot, primary)
    await asyncio.to_thread(cluster.nodes[primary].start)
    await is_whole(cluster)


async def kill_all(cluster: EmbeddedCluster, _slot: int) -> None:
    """All nodes at once; what was acknowledged is on their disks."""
    for node in cluster.nodes:
        node.kill()
    # Elsewhere, because the loop has an API and its customers, and a start takes long on a busy machine.
    await asyncio.gather(*(asyncio.to_thread(node.start) for node in cluster.nodes))
    await is_whole(cluster)


async def move_and_back(cluster: EmbeddedCluster, slot: int, times: int = 1) -> None:
    """The slot goes in one piece to a fourth primary that has none, and comes back."""
    home = await primary_of(cluster, slot)
    for _ in range(times):
        for to in (fourth_primary(cluster), home):
            await apart(move_at_once, cluster.seen, slot, to)


async def move_by_keys_and_back(cluster: EmbeddedCluster, slot: int) -> None:
    """The same, key by key."""
    home = await primary_of(cluster, slot)
    for to in (fourth_primary(cluster), home):
        await apart(_move_by_keys, cluster.seen, slot, to)


FAILURES: dict[str, Failure] = {
    "kill": kill,
    "freeze": freeze,
    "hand over": hand_over,
    "move": move_and_back,
    "ten moves": partial(move_and_back, times=5),
    "move by keys": move_by_keys_and_back,
    "kill with stalled replicas": kill_with_stalled_replicas,
    "kill all": kill_all,
}


def hits(cluster: ClusterNodes, slots: list[int], slot: int, name: str) -> set[int]:
    """The partitions that a failure of a slot concerns: of a move its own, else all of its primary."""
    if name == "kill all":
        return set(range(len(slots)))
    if "move" in name:
        return {slots.index(slot)}
    primary = cluster.primary_of(slot)
    return {number for number, each in enumerate(slots) if cluster.primary_of(each) == primary}


def _move_by_keys(cluster: ClusterNodes, slot: int, to: int) -> None:
    with moving_by_keys(cluster, slot, to):
        pass


async def primary_of(cluster: EmbeddedCluster, slot: int) -> int:
    """The number of the node that has a slot."""
    return await apart(ClusterNodes.primary_of, cluster.seen, slot)


async def has_another_primary(cluster: EmbeddedCluster, slot: int, than: int) -> None:
    """Waits until a failover is over."""
    await apart(_wait_for_another_primary, cluster.seen, slot, than)


async def is_whole(cluster: EmbeddedCluster) -> None:
    """Waits until every node sees every slot, follows its primary, and takes the same nodes for primaries.

    After a cut the old primary does not know for a moment that there is another one.
    """
    await apart(_wait_until_whole, cluster.seen)


def _wait_for_another_primary(cluster: ClusterNodes, slot: int, than: int) -> None:
    wait_for(lambda: cluster.primary_of(slot) != than, f"slot {slot} has another primary than node {than}")


def _wait_until_whole(cluster: ClusterNodes) -> None:
    nodes = range(len(cluster.urls))
    try:
        wait_for(lambda: cluster.is_whole() and len({_roles(cluster, node) for node in nodes}) == 1, "it is whole")
    except AssertionError as error:
        views = [f"{cluster.ports[node]}: {sorted(_roles(cluster, node))}" for node in nodes]
        raise AssertionError("\n".join([str(error), *views])) from None


def _roles(cluster: ClusterNodes, number: int) -> frozenset[tuple[str, str]]:
    """By node, the primary that it follows, as one node sees it."""
    try:
        lines = str(cluster.call(number, "CLUSTER", "NODES")).splitlines()
    except RedisError:
        return frozenset({(str(number), "away")})
    return frozenset((fields[0], fields[3]) for fields in (line.split(" ") for line in lines))


def replicas_of(cluster: ClusterNodes, primary: int) -> list[int]:
    """The numbers of a primary's replicas."""
    node_id, found = cluster.node_id(primary), list[int]()
    for line in str(cluster.call(primary, "CLUSTER", "NODES")).splitlines():
        fields = line.split(" ")
        if fields[3] == node_id:
            found.append(cluster.ports.index(int(fields[1].partition("@")[0].rpartition(":")[2])))
    return found


def fourth_primary(cluster: ClusterNodes) -> int:
    """The primary that has no slots until some are moved to it."""
    return cluster.shards * (1 + cluster.replicas)
