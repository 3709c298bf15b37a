"""A cluster behind the face of one server: each call goes to the primary that has the slot of its key."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from redis.asyncio import Redis as RedisClient
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import AskError, MovedError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from engine.addresses import Address, address_of, url_at, urls_of
from engine.client import Redis
from engine.errors import EngineBug, Fault, Misconfigured, OutcomeUnknown, Unready
from engine.library import install_on
from engine.outage import Absence, Outage
from engine.redis_keys import PartitionKeys, plain_keys, slot_of, spread_keys
from engine.server import Client, client_of
from engine.server_errors import TROUBLE, code_of, is_interrupted, is_unready, misses_partition
from engine.settings import Settings
from engine.topology import Topology
from engine.wire import Call, Wire

T = TypeVar("T")

_PAUSE_SECONDS = 0.05
_HOPS = 4
"""That many redirections are followed at once; then the topology is about to change, and it is better to wait."""


class _Away(Unready):
    """The node has been away for long, so nobody waits for it."""


class Nodes:
    """The nodes of a cluster, as all clients of this process see them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        urls = urls_of(settings.redis_url)
        self._url = urls[0]
        self._askers: dict[Address, Client] = {}
        self._outages: dict[object, Outage] = {}
        self._absences: dict[Address, Absence] = {}
        self._readying: dict[Address, asyncio.Lock] = {}
        self._ready: set[Address] = set()
        seeds = list(dict.fromkeys(map(address_of, urls)))
        self.topology = Topology(seeds, self._ask, settings.connect_timeout_ms / 1000)
        self.keeps_plain_tags = False

    def client(self, address: Address, connections: int, timeout_seconds: float = 0) -> Client:
        """A client of one node."""
        url = url_at(self._url, address)
        outage = self.node_outage(address)
        return client_of(self.settings, connections, outage, timeout_seconds=timeout_seconds, url=url)

    def outage(self, of: object, **words: object) -> Outage:
        """The outage of a node, or of a partition."""
        if of not in self._outages:
            self._outages[of] = Outage("redis", words=words)
        return self._outages[of]

    def node_outage(self, address: Address) -> Outage:
        """The outage of a node."""
        return self.outage(address, node=str(address))

    def absence(self, address: Address) -> Absence:
        """The absence of a node from calls outside the batches."""
        if address not in self._absences:
            self._absences[address] = Absence(self.settings.command_timeout_ms / 1000)
        return self._absences[address]

    async def make_ready(self, address: Address) -> None:
        """Puts the library on a primary that this process meets for the first time. A newer one is left alone."""
        if address in self._ready:
            return
        async with self._readying.setdefault(address, asyncio.Lock()):
            if address not in self._ready:
                try:
                    await install_on(cast("Redis", self._asker(address)))
                except Fault as fault:
                    raise RedisConnectionError(f"the library cannot be installed: {fault}") from fault
                except Misconfigured:  # the processes of a newer release rely on it
                    pass
                self._ready.add(address)

    def connection_to(self, address: Address) -> AbstractConnection:
        """A connection that is not open yet."""
        return self._asker(address).make_connection()

    async def close(self) -> None:
        """Ends tasks and connections."""
        await self.topology.close()
        for client in self._askers.values():
            await client.aclose()

    def _asker(self, address: Address) -> Client:
        client = self._askers.get(address)
        if client is None:
            client = self._askers[address] = self.client(address, 2)
        return client

    async def _ask(self, address: Address) -> list[Any]:
        return await self._asker(address).calls_now([("CLUSTER", "SLOTS"), ("CLUSTER", "NODES")])


class ClusterClient(RedisClient):
    """Calls that name a key, on the primaries of a cluster: a small pool for each. Others go to a node (`at`)."""

    is_cluster = True
    topology = "cluster"
    name = "cluster"

    def __init__(self, nodes: Nodes, connections: int, timeout_seconds: float = 0, *, owns: bool = True) -> None:
        self.nodes, self._connections = nodes, connections
        self.timeout_seconds = timeout_seconds or nodes.settings.command_timeout_ms / 1000
        self._clients: dict[Address, Client] = {}
        self._owns = owns
        self.outage = nodes.outage(None)
        nodes.topology.on_change(self._leave_nodes)
        self._leaving: set[asyncio.Task[None]] = set()
        self._unused = nodes.client(nodes.topology.seeds[0], 1)
        super().__init__(connection_pool=self._unused.connection_pool)

    async def open(self) -> None:
        """Learns the topology, and which tags the keys have. Raises Unready if that cannot be known now."""
        try:
            await self.nodes.topology.refresh()
        except (RedisError, OSError) as error:
            raise OutcomeUnknown("no node of the cluster answers") from error
        self.nodes.keeps_plain_tags = await self._has_plain_tags()
        self.nodes.topology.watch()

    def at(self, key: str) -> Redis:
        """The primary that has a key. Raises Unready if none has."""
        return cast("Redis", self._client(self._owner(slot_of(key))))

    async def primaries(self) -> list[Redis]:
        """All primaries, those without slots too."""
        return [cast("Redis", self._client(address)) for address in self.nodes.topology.primaries]

    def partition_keys(self, partitions: int) -> list[PartitionKeys]:
        """The keys of all partitions, with the tags that the data has."""
        return plain_keys(partitions) if self.nodes.keeps_plain_tags else spread_keys(partitions)

    def wire(self, key: str) -> Wire:
        """A connection of its own for the batches of a partition."""
        return ClusterWire(self.nodes, slot_of(key))

    def outage_of(self, keys: PartitionKeys) -> Outage:
        """The outage of one partition."""
        return self.nodes.outage(keys.partition, partition=keys.partition)

    def beside(self, connections: int, *, timeout_seconds: float) -> Redis:
        """Other pools on the same nodes."""
        return cast("Redis", ClusterClient(self.nodes, connections, timeout_seconds, owns=False))

    async def drop_connections(self) -> None:
        """Lets the next calls open new connections."""
        for client in self._clients.values():
            await client.drop_connections()

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        """Ends tasks and connections."""
        await asyncio.gather(*self._leaving, return_exceptions=True)
        for client in self._clients.values():
            await client.aclose()
        if self._owns:
            await self.nodes.close()
        await self._unused.aclose()

    async def ping(self, **_options: Any) -> bool:
        """True if a node answers."""
        await self.nodes.topology.refresh()
        return True

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The reply of the node that has the first key."""

        async def send(client: Client, *, asking: bool) -> Any:
            if not asking:
                return await client.execute_now(*args, **options)
            async with client.pipeline(transaction=False) as together:
                together.execute_command("ASKING")
                together.execute_command(*args, **options)
                return (await together.execute())[1]

        return await self._in_time(key_of(args), send, blocks=args[0] in _BLOCKING)

    async def calls(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to calls that are sent in one piece, to the node of the first one's key."""

        async def send(client: Client, *, asking: bool) -> list[Any]:
            if not asking:
                return await client.calls_now(calls)
            return (await client.calls_now([("ASKING",), *calls]))[1:]

        return await self._in_time(key_of(calls[0]), send)

    async def _in_time(self, key: str | bytes, send: Callable[..., Awaitable[T]], *, blocks: bool = False) -> T:
        slot, topology, loop = slot_of(key), self.nodes.topology, asyncio.get_running_loop()
        deadline = loop.time() + self.timeout_seconds
        try:
            async with asyncio.timeout_at(deadline):
                while True:
                    try:
                        if blocks:
                            return await self._follow(slot, send)
                        with topology.watched(object()):
                            return await self._follow(slot, send)
                    except _Away:
                        raise
                    except Unready:
                        topology.refresh_soon()
                        # A try that the deadline ends may have had its effect: none is begun just before it.
                        if loop.time() + 2 * _PAUSE_SECONDS >= deadline:
                            raise
                    await asyncio.sleep(_PAUSE_SECONDS)
        except TROUBLE as error:
            topology.refresh_soon()
            self._note_failure(slot, error)
            raise OutcomeUnknown("no answer from Redis in time; repeat to learn the outcome") from error

    async def _follow(self, slot: int, send: Callable[..., Awaitable[T]]) -> T:
        """The reply of the node that has the slot. Raises Unready, and what redis-py raises."""
        address, asking = self._owner(slot), False
        absence = self.nodes.absence(address)
        if absence.is_long() and not absence.may_try():
            raise _Away(f"node {address} of Redis is away; nothing was done; try again later")
        for _ in range(_HOPS):
            try:
                reply = await send(self._client(address), asking=asking)
            except MovedError as moved:
                self.nodes.topology.moved(moved)
                address, asking = Address(moved.host or address.host, moved.port), False
            except AskError as ask:
                address, asking = Address(ask.host or address.host, ask.port), True
            except RedisError as error:
                if not is_unready(error):
                    raise
                self._note_failure(slot, error)
                if is_interrupted(error):
                    raise OutcomeUnknown("another node took over meanwhile; repeat to learn the outcome") from error
                words = f"Redis cannot do it now ({code_of(error)}); nothing was done; try again later"
                raise Unready(words) from error
            else:
                self.nodes.node_outage(address).succeeded()
                self.nodes.absence(address).ended()
                return reply
        raise Unready("the slot is being moved; nothing was done; try again later")

    def _note_failure(self, slot: int, error: BaseException) -> None:
        address = self.nodes.topology.owner(slot)
        if address is not None:
            self.nodes.node_outage(address).failed(error)
            self.nodes.absence(address).failed()

    def _owner(self, slot: int) -> Address:
        address = self.nodes.topology.owner(slot)
        if address is None:
            self.nodes.topology.refresh_soon()
            raise Unready("no node of the cluster has this slot; nothing was done; try again later")
        return address

    def _client(self, address: Address) -> Client:
        client = self._clients.get(address)
        if client is None:
            client = self._clients[address] = self.nodes.client(address, self._connections, self.timeout_seconds)
        return client

    def _leave_nodes(self) -> None:
        """Ends the calls to nodes that are no primaries any more: they may hang there until they time out."""
        for address in self._clients.keys() - set(self.nodes.topology.primaries):
            pool = self._clients[address].connection_pool
            task = asyncio.get_running_loop().create_task(pool.disconnect())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _has_plain_tags(self) -> bool:
        """True if the data came from a single server, whose tags it keeps.

        Any partition tells. If none is found and some nodes are away, that leaves it open: raises Unready.
        """
        partitions, away = self.nodes.settings.partitions, False
        for keys in (plain_keys(partitions), spread_keys(partitions)):
            found = await asyncio.gather(*(self._exists(one.meta) for one in keys))
            if any(found):
                return keys[0].tag == plain_keys(1)[0].tag
            away = away or None in found
        if away:
            raise Unready("too few nodes of the cluster answer to know which keys it has")
        return False

    async def _exists(self, key: str) -> bool | None:
        """None: its node is away."""
        try:
            return bool(await self.execute_command("EXISTS", key))
        except Fault:
            return None


class ClusterWire(Wire):
    """The connection that a partition's batches go through, to whatever node has its slot."""

    def __init__(self, nodes: Nodes, slot: int) -> None:
        super().__init__(self._make)
        self._nodes, self._slot = nodes, slot
        self._clock = asyncio.get_running_loop().time
        self._address: Address | None = None
        self._absence: Absence | None = None
        self._asked: Address | None = None
        nodes.topology.on_change(self._leave)

    async def calls(self, calls: Sequence[Call]) -> list[Any]:
        """The replies, as those of any wire."""
        topology = self._nodes.topology
        if self._asked is not None:
            return await self._ask(self._asked, calls)
        if self._address is not None and self._address != topology.owner(self._slot):
            self.drop()
        topology.under_way[self] = self._clock()
        try:
            replies = await super().calls(calls)
        except ResponseError as error:
            if not misses_partition(error):
                raise
            self.has_sent = False
            raise RedisConnectionError("the partition is lost; run `onsale restore --partitions lost`") from error
        except TROUBLE:
            topology.refresh_soon()
            raise
        else:
            if self._absence is not None:
                self._absence.ended()
            return replies
        finally:
            del topology.under_way[self]

    def refused(self, error: Exception) -> bool:
        """Learns where the slot is; true if the call may be sent again at once."""
        if isinstance(error, MovedError):
            self.drop()
            return self._nodes.topology.moved(error)
        if isinstance(error, AskError):
            self._asked = Address(error.host, error.port)
            return True
        self._nodes.topology.refresh_soon()
        return super().refused(error)

    async def _ask(self, address: Address, calls: Sequence[Call]) -> list[Any]:
        """Sends it to the node that takes the slot over, for this time."""
        self._asked = None
        await self._nodes.make_ready(address)
        detour = Wire(partial(self._connection_to, address))
        try:
            return (await detour.calls([("ASKING",), *calls]))[1:]
        finally:
            self.has_sent = detour.has_sent
            detour.drop()

    async def _connect(self) -> Any:
        topology = self._nodes.topology
        if topology.owner(self._slot) is None:
            await topology.refresh()
        self._address = topology.owner(self._slot)
        if self._address is None:
            raise ConnectionRefusedError("no node of the cluster has this slot")
        async with asyncio.timeout(self._nodes.settings.connect_timeout_ms / 1000):
            await self._nodes.make_ready(self._address)
            connection = await super()._connect()
        self._absence = self._nodes.absence(self._address)
        return connection

    def _make(self) -> AbstractConnection:
        if self._address is None:
            raise EngineBug("the wire does not know where to connect")
        return self._connection_to(self._address)

    def _connection_to(self, address: Address) -> AbstractConnection:
        return self._nodes.connection_to(address)

    def _leave(self) -> None:
        """The slot is elsewhere: to wait for the node that had it is useless."""
        if self._address is not None and self._address != self._nodes.topology.owner(self._slot):
            self.drop()


def key_of(args: Sequence[Any]) -> str | bytes:
    """The first key of a command. Raises EngineBug for one that names none: it must say to which node it goes."""
    name = str(args[0]).upper()
    key: Any = None
    if name in ("FCALL", "FCALL_RO"):
        key = args[3] if int(args[2]) else None
    elif name in ("XREAD", "XREADGROUP"):
        words = [arg.decode() if isinstance(arg, bytes) else str(arg) for arg in args]
        key = args[words.index("STREAMS") + 1]
    elif name not in _KEYLESS and len(args) > 1:
        key = args[1]
    if not isinstance(key, str | bytes):
        raise EngineBug(f"{name} names no key, so it is for no node of the cluster")
    return key


_BLOCKING = frozenset({"XREAD"})
"""These may take long where all is well."""

_KEYLESS = frozenset(
    {"CLUSTER", "CONFIG", "CONFIG GET", "DBSIZE", "FLUSHALL", "FLUSHDB", "FUNCTION", "INFO", "SCAN", "TIME", "WAIT"}
)
