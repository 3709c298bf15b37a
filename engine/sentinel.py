"""Sentinels in front of a single server: they say which of several servers is the primary now.

Every new connection asks them, and so does the process each second. Connections to a server that is no longer the
primary are closed then. It may not know that yet, and accept writes that no replica confirms.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit

import structlog
from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import AuthenticationError, RedisError
from redis.exceptions import ConnectionError as RedisConnectionError

from engine.addresses import Address, address_of, urls_of
from engine.client import Redis
from engine.errors import Misconfigured
from engine.outage import Outage
from engine.server import Client, client_of, pool_of
from engine.settings import Settings
from engine.wire import Wire

log = structlog.get_logger(__name__)

_REMEMBERED_SECONDS = 0.1
"""Connections that open together ask once."""

_LOOK_SECONDS = 1.0
_GRACE_SECONDS = 0.2
"""The wait for the other sentinels after the first has answered."""

Find = Callable[[], Awaitable[Address]]
"""The address of the primary, as the sentinels know it now."""


class _View(NamedTuple):
    """The primary as one sentinel knows it, and the config epoch of that."""

    epoch: int
    primary: Address


class Sentinels:
    """The sentinels of `ONSALE_REDIS_URL`. Where they differ, the highest config epoch counts.

    The path of the first address may name the primary (`redis://…:26379/tickets`). It must, if they watch several.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._urls = urls_of(settings.redis_url)
        self._name = name_in(self._urls[0])
        self._clients: dict[str, Client] = {}
        self._asking = asyncio.Lock()
        self._asked_at = float("-inf")
        self.primary = address_of(self._urls[0])
        """The primary that was found last; before, a sentinel."""
        self._listeners: list[Callable[[], None]] = []
        self._watching: asyncio.Task[None] | None = None

    async def find(self) -> Address:
        """The address of the primary. Raises RedisConnectionError, or Misconfigured if it must be named."""
        clock = asyncio.get_running_loop().time
        async with self._asking:
            if clock() - self._asked_at >= _REMEMBERED_SECONDS:
                self.primary = max(await self._views(), key=lambda view: view.epoch).primary
                self._asked_at = clock()
            return self.primary

    def on_change(self, listener: Callable[[], None]) -> None:
        """Has it called when another server is the primary."""
        self._listeners.append(listener)

    def watch(self) -> None:
        """Looks every second from now on."""
        self._watching = asyncio.get_running_loop().create_task(self._watch(self.primary), name="sentinels")

    async def _watch(self, before: Address) -> None:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with suppress(RedisError, OSError, Misconfigured):  # logged by the calls that need the primary
                await self.find()
            if self.primary != before:
                log.warning("primary_changed", before=str(before), now=str(self.primary))
                before = self.primary
                for listener in self._listeners:
                    listener()

    async def aclose(self) -> None:
        """Ends the watch, and all connections to sentinels."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        for client in self._clients.values():
            await client.aclose()

    async def _views(self) -> "list[_View]":
        """The views of the sentinels that answer in time. Raises RedisConnectionError (none does), or Misconfigured."""
        timeout = self._settings.connect_timeout_ms / 1000
        asks = [asyncio.ensure_future(self._view(url)) for url in self._urls]
        views: list[_View] = []
        errors: list[BaseException] = []
        try:
            waiting = set(asks)
            while waiting:
                patience = _GRACE_SECONDS if views else timeout
                done, waiting = await asyncio.wait(waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    break
                errors += filter(None, (ask.exception() for ask in done))
                views += (ask.result() for ask in done if ask.exception() is None)
        finally:
            for ask in asks:
                ask.cancel()
            await asyncio.gather(*asks, return_exceptions=True)
        for error in errors:
            if isinstance(error, Misconfigured):
                raise error
        if not views:
            raise RedisConnectionError("no sentinel knows the primary") from next(iter(errors), None)
        return views

    async def _view(self, url: str) -> "_View":
        """The view of one sentinel. Its users may be others than those of the servers."""
        try:
            return await self._ask(self._client(url))
        except AuthenticationError:
            self._clients[url] = sentinel_client(self._settings, without_user(url))
            return await self._ask(self._client(url))

    async def _ask(self, client: Client) -> "_View":
        (watched,) = await client.calls_now([("SENTINEL", "MASTERS")])
        epochs = {told[b"name"].decode(): int(told[b"config-epoch"]) for told in watched}
        if not self._name and len(epochs) > 1:
            names = sorted(epochs)
            raise Misconfigured(
                f"the sentinels watch {', '.join(names)}: "
                f"name one in ONSALE_REDIS_URL, as in redis://host:26379/{names[0]}"
            )
        name = self._name or next(iter(epochs), "")
        # While a failover is under way, only this tells the server that was promoted.
        (found,) = await client.calls_now([("SENTINEL", "GET-MASTER-ADDR-BY-NAME", name)])
        if found is None:
            raise RedisConnectionError(f"the sentinel watches no primary named {name!r}, but {sorted(epochs)}")
        return _View(epochs.get(name, 0), Address(found[0].decode(), int(found[1])))

    def _client(self, url: str) -> Client:
        client = self._clients.get(url)
        if client is None:
            client = self._clients[url] = sentinel_client(self._settings, url)
        return client


def name_in(url: str) -> str:
    """The name of a primary in a URL of sentinels; empty if there is none. A number is that of a database."""
    parts = urlsplit(url)
    path = "" if parts.scheme == "unix" else unquote(parts.path).strip("/")
    return "" if path.isdigit() else path


def sentinel_client(settings: Settings, url: str) -> Client:
    """A client of one sentinel, which has no databases."""
    return client_of(settings, 1, Outage("sentinel"), timeout_seconds=0, url=urlsplit(url)._replace(path="").geturl())


def without_user(url: str) -> str:
    """The URL without user and password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class PrimaryClient(Client):
    """A client of the server that is the primary."""

    topology = "sentinel"
    sentinels: Sentinels
    owns_sentinels = False

    def wire(self, _key: str) -> Wire:
        """A connection of its own for batches."""
        wire = Wire(self.make_connection)
        self.sentinels.on_change(wire.drop)
        return wire

    @property
    def name(self) -> str:
        """The host and the port of the primary."""
        return str(self.sentinels.primary)

    def beside(self, connections: int, *, timeout_seconds: float) -> Redis:
        """Another pool, with the same sentinels."""
        other = primary_client(self.settings, self.sentinels, connections, self.outage, timeout_seconds=timeout_seconds)
        return cast("Redis", other)

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Ends all connections."""
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await super().aclose(close_connection_pool)
        if self.owns_sentinels:
            await self.sentinels.aclose()

    def follow(self, sentinels: Sentinels) -> None:
        """Leaves servers that are no longer the primary."""
        self.sentinels, self._leaving = sentinels, set[asyncio.Task[None]]()
        sentinels.on_change(self._leave)

    def _leave(self) -> None:
        task = asyncio.get_running_loop().create_task(self._close_others())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _close_others(self) -> None:
        pool = self.connection_pool
        connections = [*pool._available_connections, *pool._in_use_connections]
        for connection in cast("list[Connection]", connections):
            if (connection.host, connection.port) != self.sentinels.primary:
                await connection.disconnect(nowait=True)


def primary_client(
    settings: Settings, sentinels: Sentinels, connections: int, outage: Outage | None, *, timeout_seconds: float
) -> PrimaryClient:
    """A client of the primary, with a bounded pool. Connections open when they are needed."""
    pool = pool_of(settings, connections, urls_of(settings.redis_url)[0])
    tls = issubclass(pool.connection_class, SSLConnection)
    pool.connection_class = _ConnectionToPrimaryByTLS if tls else _ConnectionToPrimary
    pool.connection_kwargs["find"] = sentinels.find
    client = cast("PrimaryClient", PrimaryClient.from_pool(pool))
    client.equip(settings, outage, timeout_seconds)
    client.follow(sentinels)
    return client


class _ConnectionToPrimary(Connection):
    """Asks the sentinels where to connect, each time."""

    def __init__(self, *, find: Find, **options: Any) -> None:
        super().__init__(**options)
        self._find = find

    async def _connect(self) -> None:
        self.host, self.port = await self._find()
        await super()._connect()  # type: ignore[no-untyped-call]  # redis-py does not annotate it


class _ConnectionToPrimaryByTLS(_ConnectionToPrimary, SSLConnection):
    """The same, encrypted."""
