"""The connection to Redis or Valkey: how it is made, and whether the server is fit to sell from."""

import re
from typing import Any, cast

import structlog
from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as RedisClient
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from engine.client import Redis
from engine.faults import Misconfigured
from engine.settings import Settings

log = structlog.get_logger(__name__)

_OLDEST = {"redis": (7, 2), "valkey": (8, 0)}


def connect(settings: Settings, connections: int) -> Redis:
    """A client with a bounded pool: who finds it empty waits.

    Nothing is retried by the client: a reply that was lost would become a second write. Retries are the engine's, with
    the same ids (engine/batches.py).
    """
    pool = BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=connections,
        timeout=settings.command_timeout_ms / 1000,
        socket_connect_timeout=settings.connect_timeout_ms / 1000,
        socket_keepalive=True,
        # redis-py's own timeout goes through asyncio.wait_for, which on Python 3.11 can lose a cancellation. Every call
        # has a timeout of ours.
        socket_timeout=None,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[],
        protocol=3,
    )
    return cast("Redis", RedisClient.from_pool(pool))


async def check_server(redis: Redis, replica_acks: int = 0) -> None:
    """Raises Misconfigured for a server that is too old or that evicts.

    Warns of one that does not append to disk, or that has fewer replicas than every change must reach.

    Oldest: Redis 7.2 and Valkey 8.0, the first in which time stands still within a function call.
    """
    info: dict[str, Any] = await redis.info("everything")
    name = str(info.get("server_name", "redis"))
    version = str(info.get("valkey_version", info["redis_version"]))
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < _OLDEST.get(name, (0, 0)):
        oldest = ".".join(map(str, _OLDEST[name]))
        raise Misconfigured(f"{name} {version} is too old: time must stand still in a function; use {oldest} or newer")
    policy = info.get("maxmemory_policy")
    if policy != "noeviction":
        raise Misconfigured(f"the server evicts ({policy=}), which loses stock; set `maxmemory-policy noeviction`")
    if not info.get("aof_enabled"):
        log.warning("redis_without_aof", consequence="a crash of Redis loses sales", remedy="set `appendonly yes`")
    if info["connected_slaves"] < replica_acks:
        log.warning(
            "too_few_replicas",
            connected=info["connected_slaves"],
            wanted=replica_acks,
            consequence="every command is answered 503",
            remedy="connect replicas, or lower ONSALE_REPLICA_ACKS",
        )
