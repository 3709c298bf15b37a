"""The connection to Redis or Valkey: how it is made, and whether the server is fit to sell from."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import cache, partial
from typing import Any, TypeVar, cast

import structlog
from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as RedisClient
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.driver_info import DriverInfo
from redis.exceptions import RedisError
from redis.maint_notifications import MaintNotificationsConfig

from engine.addresses import urls_of
from engine.client import Redis
from engine.errors import Misconfigured, OutcomeUnknown, Unready
from engine.outage import Outage
from engine.redis_keys import PartitionKeys, plain_keys
from engine.server_errors import TROUBLE, code_of, is_interrupted, is_unready, leads_elsewhere
from engine.settings import Settings
from engine.wire import Call, Wire

log = structlog.get_logger(__name__)

T = TypeVar("T")

_RETRY_PAUSE_SECONDS = 0.05
_OLDEST = {"redis": (7, 2), "valkey": (8, 0)}


def connect(
    settings: Settings, connections: int, outage: Outage | None = None, *, timeout_seconds: float = 0, url: str = ""
) -> Redis:
    """A client of one server, with a bounded pool: who finds it empty waits. Each call ends in time, or raises a Fault.

    `outage`: gets the faults of calls; that of the process, where there is one. `timeout_seconds`: for one call; 0:
    `command_timeout_ms`. `url`: of the server; empty: the first of the settings.
    """
    return cast("Redis", client_of(settings, connections, outage, timeout_seconds=timeout_seconds, url=url))


def client_of(
    settings: Settings, connections: int, outage: Outage | None, *, timeout_seconds: float, url: str
) -> "Client":
    """The same, as it is. Nothing is retried by redis-py: a reply that was lost would become a second write."""
    client = cast("Client", Client.from_pool(pool_of(settings, connections, url or urls_of(settings.redis_url)[0])))
    client.equip(settings, outage, timeout_seconds)
    return client


def pool_of(settings: Settings, connections: int, url: str) -> BlockingConnectionPool:
    """A bounded pool of connections to a URL; none is open yet."""
    return BlockingConnectionPool.from_url(
        url,
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
        driver_info=_driver(),
        # With these on, redis-py does not look whether an idle connection has been closed, and the next call fails.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
    )


@cache
def _driver() -> DriverInfo:
    """The client's name and version for the server; redis-py would look the version up for each connection."""
    return DriverInfo()


class Client(RedisClient):
    """redis-py's client, in which every call ends in time and an error of the server is a Fault.

    What Redis says it cannot do now, it has not done: that is asked again until the time is over. A call that got no
    answer may have had its effect, so it is not.
    """

    settings: Settings
    outage: Outage
    timeout_seconds: float
    is_cluster = False
    topology = "single"

    def equip(self, settings: Settings, outage: Outage | None, timeout_seconds: float) -> None:
        """Sets what a client has besides its pool."""
        self.settings = settings
        self.outage = outage or Outage("redis")
        self.timeout_seconds = timeout_seconds or settings.command_timeout_ms / 1000

    @property
    def name(self) -> str:
        """The host and the port, or the path of the socket."""
        arguments = self.connection_pool.connection_kwargs
        return str(arguments.get("path") or f"{arguments.get('host')}:{arguments.get('port')}")

    def at(self, _key: str) -> Redis:
        """The one server."""
        return cast("Redis", self)

    async def primaries(self) -> list[Redis]:
        """The one server."""
        return [cast("Redis", self)]

    def partition_keys(self, partitions: int) -> list[PartitionKeys]:
        """The keys of all partitions."""
        return plain_keys(partitions)

    def wire(self, _key: str) -> Wire:
        """A connection of its own for batches."""
        return Wire(self.make_connection)

    def outage_of(self, _keys: PartitionKeys) -> Outage:
        """All partitions are away together."""
        return self.outage

    def beside(self, connections: int, *, timeout_seconds: float) -> Redis:
        """Another pool on the same server."""
        return connect(self.settings, connections, self.outage, timeout_seconds=timeout_seconds)

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The reply, in time."""
        return await self._in_time(partial(self.execute_now, *args, **options))

    async def execute_now(self, *args: Any, **options: Any) -> Any:
        """The reply to one try. Raises what redis-py raises."""
        return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    async def calls(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to calls that are sent in one piece. Raises for the first that failed."""
        return await self._in_time(partial(self.calls_now, calls))

    async def calls_now(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to one try. Raises what redis-py raises, for the first that failed."""
        async with self.pipeline(transaction=False) as together:
            for call in calls:
                together.execute_command(*call)
            replies: list[Any] = await together.execute(raise_on_error=False)
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        return replies

    async def _in_time(self, call: Callable[[], Awaitable[T]]) -> T:
        loop, interrupted = asyncio.get_running_loop(), False
        deadline = loop.time() + self.timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    try:
                        reply = await call()
                    except RedisError as error:
                        if not is_unready(error):
                            raise
                        interrupted = interrupted or is_interrupted(error)
                        self.outage.failed(error)
                        # A try that the deadline ends may have had its effect: none is begun just before it.
                        if loop.time() + 2 * _RETRY_PAUSE_SECONDS >= deadline and not interrupted:
                            words = f"Redis cannot do it now ({code_of(error)}); nothing was done; try again later"
                            raise Unready(words) from error
                        if leads_elsewhere(error):
                            await self.drop_connections()
                    else:
                        self.outage.succeeded()
                        return reply
                    await asyncio.sleep(_RETRY_PAUSE_SECONDS)
        except TROUBLE as error:
            self.outage.failed(error)
            raise OutcomeUnknown("no answer from Redis in time; repeat to learn the outcome") from error

    def make_connection(self) -> AbstractConnection:
        """A connection that is not in the pool and not open yet."""
        return cast("AbstractConnection", self.connection_pool.make_connection())  # type: ignore[no-untyped-call]

    async def drop_connections(self) -> None:
        """Lets the next calls ask the address again: another server has taken over. Calls under way are not hurt."""
        pool = self.connection_pool
        for connection in pool._in_use_connections:
            connection.mark_for_reconnect()  # type: ignore[no-untyped-call]
        await pool.disconnect(inuse_connections=False)


async def check_servers(redis: Redis, replica_acks: int = 0) -> None:
    """Checks all primaries."""
    for node in await redis.primaries():
        await check_server(node, replica_acks)


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
        raise Misconfigured(f"{name} {version} is too old: its clock moves within a function; use {oldest} or newer")
    policy = info.get("maxmemory_policy")
    if policy != "noeviction":
        raise Misconfigured(f"the server evicts keys ({policy=}), which loses stock; set `maxmemory-policy noeviction`")
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
