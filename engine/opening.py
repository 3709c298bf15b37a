"""Opening the servers behind `ONSALE_REDIS_URL`: one server, one behind sentinels, or nodes of a cluster."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, cast

from redis.exceptions import AuthenticationError

from engine.addresses import urls_of
from engine.client import Redis
from engine.cluster import ClusterClient, Nodes
from engine.errors import Fault, OutcomeUnknown
from engine.outage import Outage
from engine.sentinel import Sentinels, name_in, primary_client, sentinel_client, without_user
from engine.server import connect
from engine.server_errors import TROUBLE
from engine.settings import Settings


async def open_redis(
    settings: Settings, connections: int, single: Redis | None = None, *, timeout_seconds: float = 0
) -> Redis:
    """A client of the server, of the primary behind sentinels, or of the cluster. The first address that answers tells.

    A URL that names a primary is one of sentinels.

    `single`: a client of the first address, to be used for a single server. Raises Fault if no address answers.
    """
    outage = single.outage if single is not None else Outage("redis")
    fault: Fault = OutcomeUnknown("ONSALE_REDIS_URL names no address")
    if name_in(urls_of(settings.redis_url)[0]):
        if single is not None:
            await single.aclose()
        return await _behind_sentinels(settings, connections, outage, timeout_seconds)
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
            refused = isinstance(error.__cause__, AuthenticationError)
            is_sentinel = refused and await _is_sentinel(settings, without_user(url))
            if is_sentinel or not own:
                await client.aclose()
            if is_sentinel:
                return await _behind_sentinels(settings, connections, outage, timeout_seconds)
            continue
        mode = _mode_of(server)
        if mode not in ("cluster", "sentinel"):
            return client
        await client.aclose()
        if mode == "sentinel":
            return await _behind_sentinels(settings, connections, outage, timeout_seconds)
        return await _open_cluster(settings, connections, timeout_seconds)
    raise fault


def _mode_of(server: Mapping[str, Any]) -> str:
    """The kind of server, by its INFO: Redis and Valkey name the field differently."""
    return str(server.get("redis_mode", server.get("server_mode", "")))


async def _is_sentinel(settings: Settings, url: str) -> bool:
    """True for a sentinel that lets everybody ask. It may not know the user of the servers."""
    async with aclosing(sentinel_client(settings, url)) as client:
        try:
            return _mode_of(await client.info("server")) == "sentinel"
        except Fault:
            return False


async def _behind_sentinels(settings: Settings, connections: int, outage: Outage, timeout_seconds: float) -> Redis:
    sentinels = Sentinels(settings)
    try:
        await sentinels.find()
    except TROUBLE as error:
        await sentinels.aclose()
        raise OutcomeUnknown("no sentinel knows the primary") from error
    except BaseException:
        await sentinels.aclose()
        raise
    client = primary_client(settings, sentinels, connections, outage, timeout_seconds=timeout_seconds)
    client.owns_sentinels = True
    sentinels.watch()
    return cast("Redis", client)


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
