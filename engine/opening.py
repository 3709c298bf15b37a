"""Opening the servers behind `ONSALE_REDIS_URL`: one server, or a cluster of which some nodes are named."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from engine.addresses import urls_of
from engine.client import Redis
from engine.cluster import ClusterClient, Nodes
from engine.errors import Fault, OutcomeUnknown
from engine.outage import Outage
from engine.server import connect
from engine.settings import Settings


async def open_redis(
    settings: Settings, connections: int, single: Redis | None = None, *, timeout_seconds: float = 0
) -> Redis:
    """A client of the server, or of the cluster. The first address that answers tells which of them it is.

    `single`: a client of the first address, to be used for a single server. Raises Fault if no address answers.
    """
    outage = single.outage if single is not None else Outage("redis")
    fault: Fault = OutcomeUnknown("ONSALE_REDIS_URL names no address")
    for number, url in enumerate(urls_of(settings.redis_url)):
        own = number == 0 and single is not None
        client = (
            single
            if own and single
            else connect(settings, connections, outage, timeout_seconds=timeout_seconds, url=url)
        )
        try:
            server = await client.info("server")
        except Fault as error:
            fault = error
            if not own:
                await client.aclose()
            continue
        if server.get("redis_mode", server.get("server_mode")) != "cluster":
            return client
        await client.aclose()
        return await _open_cluster(settings, connections, timeout_seconds)
    raise fault


async def _open_cluster(settings: Settings, connections: int, timeout_seconds: float) -> Redis:
    cluster = ClusterClient(Nodes(settings), connections, timeout_seconds)
    try:
        await cluster.open()
    except BaseException:
        await cluster.aclose()
        raise
    return cast("Redis", cluster)


@asynccontextmanager
async def opened_redis(settings: Settings, connections: int, *, timeout_seconds: float = 0) -> AsyncIterator[Redis]:
    """The same, for as long as the block runs."""
    redis = await open_redis(settings, connections, timeout_seconds=timeout_seconds)
    try:
        yield redis
    finally:
        await redis.aclose()
