"""Failures of the network of a cluster: a primary is cut off from the others, with some of its clients."""

import asyncio
from collections.abc import Awaitable, Callable

from tests.support.cluster.apart import apart
from tests.support.cluster.failures import has_another_primary, is_whole, primary_of, replicas_of
from tests.support.cluster.network import Network

FAR = "far"
"""The name of the client that is cut off with the primary."""

_APART_SECONDS = 1.0

Cut = Callable[[Network, int], Awaitable[None]]
"""Happens to the primary of a slot, and is over when it returns."""


async def cut_off(network: Network, slot: int) -> None:
    """The primary is alone with a client. A replica takes over on the other side, and both sides ask for places."""
    primary = await primary_of(network.cluster, slot)
    with network.cut(primary, FAR):
        await has_another_primary(network.cluster, slot, primary)
        await asyncio.sleep(_APART_SECONDS)  # no waiting: both sides go on for a while
    await is_whole(network.cluster)


async def two_primaries(network: Network, slot: int) -> None:
    """The same, and a replica takes over at once: the old primary takes writes until its node timeout is over."""
    cluster = network.cluster
    primary = await primary_of(cluster, slot)
    replicas = await apart(replicas_of, cluster.seen, primary)
    with network.cut(primary, FAR):
        cluster.call(replicas[0], "CLUSTER", "FAILOVER", "TAKEOVER")
        await has_another_primary(cluster, slot, primary)
        await asyncio.sleep(_APART_SECONDS)
    await is_whole(cluster)


async def cut_off_with_a_replica(network: Network, slot: int) -> None:
    """The primary is cut off with one of its two replicas, which confirms what the other never gets."""
    cluster = network.cluster
    primary = await primary_of(cluster, slot)
    replicas = await apart(replicas_of, cluster.seen, primary)
    with network.cut(primary, replicas[0], FAR):
        await has_another_primary(cluster, slot, primary)
    await is_whole(cluster)


CUTS: dict[str, Cut] = {"cut off": cut_off, "two primaries": two_primaries}
