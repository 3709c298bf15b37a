"""The engine: submit a command, get its result."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from redis.exceptions import ResponseError

from engine.client import Redis
from engine.commands.bookings import OnBooking, PurgeSlots
from engine.commands.command import Command, OnEvent, OnReservation
from engine.commands.holds import Sweep
from engine.errors import Fault, Misconfigured, OutcomeUnknown, OutOfMemory, Overloaded, Unready
from engine.ids import ReservationIds, event_of, new_secret
from engine.key_events import KeyEvents
from engine.library import LibraryKeeper, install_on, misses_library
from engine.limits import LimitsInForce, tell_difference
from engine.memory import memory_of
from engine.opening import open_redis
from engine.outage import Outage
from engine.partition import AwayPartition, Observe, Partition
from engine.redis_keys import PartitionKeys, key_tags, partition_of, plain_keys, spread_keys
from engine.replicas import call_with_acks
from engine.results.bookings import Purged
from engine.results.holds import Swept
from engine.results.result import Result
from engine.server import check_server, connect
from engine.server_errors import TROUBLE, code_of, is_unready
from engine.settings import Settings
from engine.slots import is_booking_id
from engine.traced_partition import TracedPartition
from engine.tracing import Tracer
from engine.wire import Call, Wire

log = structlog.get_logger(__name__)

R = TypeVar("R", bound=Result)

_START_PAUSE_SECONDS = 0.2
_KEY_WIRES = 4
"""Connections to a cluster for the events of keys: enough to spread them over the nodes."""

_AWAY_PAUSE_SECONDS = 1.0


def observe_nothing(_results: list[Result], _waited: float, _took: float) -> None:
    """A callback for processes that publish no metrics of batches."""


def tell_nobody() -> None:
    """A callback for processes that publish no metrics of losses."""


class Engine:
    """The way to Redis for commands. An async context manager: within it, all partitions are served.

    Entering waits for the server, checks it, installs the Lua library and makes the partitions. Raises Misconfigured if
    the server must not be used, or does not answer within `start_patience_ms`.

    `limits`: those that it publishes, and learns to be in force. Without, it publishes none.
    `tracer`: batches of traced requests have spans.
    `tell_lost`: called where a server lacks what this process was answered before (engine/acknowledged.py).
    """

    def __init__(
        self,
        settings: Settings,
        observe: Observe = observe_nothing,
        limits: LimitsInForce | None = None,
        tracer: Tracer | None = None,
        tell_lost: Callable[[], None] = tell_nobody,
    ) -> None:
        self.settings = settings
        self._make_partition: Callable[..., Partition] = (
            Partition if tracer is None else partial(TracedPartition, tracer)
        )
        self._observe, self._tell_lost = observe, tell_lost
        self._limits = limits
        self.keys = plain_keys(settings.partitions)
        self.ids = ReservationIds()
        self._id_secrets = [new_secret() for _ in self.keys]
        """Of each partition; ours only where Redis had none."""
        self.changes = [0] * settings.partitions
        """Batches per partition that may have changed something, counted before their commands are answered."""
        self.outage = Outage("redis")
        self.redis: Redis = connect(settings, settings.partitions + 4, self.outage)
        self._library = LibraryKeeper(self.redis)
        self._calls = 0
        self._key_wires: list[Wire] = []
        self.key_events: KeyEvents | None = None
        """In a cluster, from entering on. On a single server commands check the events of their keys themselves."""
        self._partitions: list[Partition] = []
        self._told_lost: list[int] = []
        self._away: set[int] = set()
        """Partitions whose server was not there when this process started, and has not been since."""
        self._tasks = asyncio.TaskGroup()
        self._loops: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        try:
            deadline = asyncio.get_running_loop().time() + self.settings.start_patience_ms / 1000
            await self._patiently(self._open, deadline)
            # The server may go away between two steps: a start takes part of a second, and many start at once.
            await self._patiently(self._prepare, deadline)
        except BaseException:
            await self.redis.aclose()
            raise
        await self._tasks.__aenter__()
        if self.redis.is_cluster:
            tags = key_tags(_KEY_WIRES)
            self._key_wires = [self.redis.wire(f"{{{tag}}}") for tag in tags]
            calls = [partial(self._call_by_wire, wire) for wire in self._key_wires]
            self.key_events = KeyEvents(self.settings, calls, tags)
            self._loops.append(self._tasks.create_task(self.key_events.run(), name="key-events"))
        for keys in self.keys:
            self._partitions.append(AwayPartition())
            if keys.partition not in self._away:
                self._serve(keys)
        if self._away:
            self._loops.append(self._tasks.create_task(self._wait_for_partitions(), name="partitions-away"))
        return self

    def _serve(self, keys: PartitionKeys) -> None:
        """Takes commands on a partition from now on."""
        partition = self._make_partition(
            self.settings,
            keys,
            self.redis.wire(keys.meta),
            self._library,
            self.redis.outage_of(keys),
            self.changes,
            self._observe,
            self._limits,
            self._tell_lost,
        )
        self._partitions[keys.partition] = partition
        self._loops.append(self._tasks.create_task(partition.run(), name=f"partition-{keys.partition:02}"))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for loop in self._loops:
            loop.cancel()
        for partition in self._partitions:
            partition.refuse_all()
        if self.key_events is not None:
            self.key_events.refuse_all()
        await self._tasks.__aexit__(None, None, None)
        for wire in self._key_wires:
            wire.drop()
        await self.redis.aclose()

    def submit(self, command: Command[R]) -> Coroutine[Any, Any, R]:
        """Runs a command on the partition of its event; to be awaited.

        Raises ValueError for what is no id of a reservation or a booking, Overloaded, OutOfMemory, Unready,
        OutcomeUnknown, or EngineBug.
        """
        if isinstance(command, OnReservation):
            event_id = event_of(command.reservation_id)
            if event_id is None:
                raise ValueError(f"not a reservation id: {command.reservation_id!r}")
        elif isinstance(command, OnEvent):
            event_id = command.event_id
            if isinstance(command, OnBooking) and not is_booking_id(command.booking_id):
                raise ValueError(f"not a booking id: {command.booking_id!r}")
        else:
            raise TypeError(f"{type(command).__name__} names no event")
        return self.partition_of(event_id).submit(command)

    def partition_of(self, event_id: int) -> Partition:
        """The partition that has the event."""
        return self._partitions[partition_of(event_id, len(self.keys))]

    def partition_keys(self, event_id: int) -> PartitionKeys:
        """The keys of the partition that has the event."""
        return self.keys[partition_of(event_id, len(self.keys))]

    def id_secret(self, event_id: int) -> bytes:
        """The secret of keyed ids of the event, the same for all processes. Raises Unready if it is not known yet."""
        partition = partition_of(event_id, len(self.keys))
        if partition in self._away:
            raise AwayPartition.fault()
        return self._id_secrets[partition]

    def partitions_away(self) -> list[int]:
        """The partitions that cannot sell, because their server has been away for a while."""
        return [number for number, partition in enumerate(self._partitions) if partition.is_away()]

    def tag_of(self, event_id: int) -> str:
        """The tag of what lives beside an event in a cluster; empty on a single server, where all is together."""
        return self.keys[partition_of(event_id, len(self.keys))].tag if self.redis.is_cluster else ""

    def check_room(self, event_id: int) -> None:
        """Raises Overloaded if a command that takes places of the event would be refused."""
        self.partition_of(event_id).check_room()

    async def sweep(self, partition: int) -> Swept:
        """Gives back a slice of what is due in a partition."""
        return await self._partitions[partition].submit(Sweep())

    async def purge_slots(self, partition: int, skip: int = 0) -> Purged:
        """Removes a slice of what is long past in a partition, passing over slots that were kept before."""
        return await self._partitions[partition].submit(PurgeSlots(skip))

    async def call(
        self, function: str, keys: Sequence[str], arguments: Sequence[Any], *, confirmed: bool = True
    ) -> Any:
        """Calls another function of the library, outside of the batches.

        `confirmed`: answered only when the replicas have it, where those are waited for.
        Raises Overloaded if `queue_commands` such calls wait already, Unready, or OutcomeUnknown.
        """
        if self._calls >= self.settings.queue_commands:
            raise Overloaded("too many calls wait; nothing was done; try again later")
        self._calls += 1
        try:
            acks = self.settings.replica_acks if confirmed else 0
            return await self._fcall(("FCALL", function, len(keys), *keys, *arguments), acks)
        finally:
            self._calls -= 1

    async def _call_by_wire(self, wire: Wire, function: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """As `call`, not confirmed, over a connection of its own: for many calls that may be made twice.

        It costs a sixth of a call by redis-py. Whatever is in its way, `call` knows how to get past. Nothing waits for
        two time-outs: raises OutcomeUnknown if the node does not answer. Nor for a node that is not ready: Unready.
        """
        try:
            async with asyncio.timeout(self.settings.command_timeout_ms / 1000):
                return await wire.call(("FCALL", function, len(keys), *keys, *arguments))
        except TimeoutError as error:
            raise OutcomeUnknown("no answer from Redis in time; repeat with the same key") from error
        except ResponseError as error:
            if not wire.refused(error) and is_unready(error):
                raise Unready(f"Redis is not ready ({code_of(error)}); nothing was done; try again later") from error
        except TROUBLE:
            pass
        return await self.call(function, keys, arguments, confirmed=False)

    async def claim(self, key: str, value: str | bytes, keep_ms: int, *, settles: bool) -> bytes | None:
        """Writes a value of a while unless there is one; that one, or None.

        `settles`: it is written however full the memory is; else raises OutOfMemory. Raises Fault.
        """
        percent = 0 if settles else self.settings.memory_percent
        word, *found = await self.call("onsale_claim", (key,), (value, keep_ms, percent), confirmed=False)
        if word == b"out_of_memory":
            raise OutOfMemory
        return found[0] if found else None

    async def check_memory(self) -> None:
        """Raises OutOfMemory if Redis is too full to make anything, and Fault. Of a cluster: all of its servers."""
        fault: Fault | None = None
        for node in await self.redis.primaries():
            try:
                if not (await memory_of(node, self.settings.memory_percent)).is_full:
                    return
            except Fault as error:
                fault = error
        raise fault or OutOfMemory

    def queued(self) -> int:
        """Commands that wait, in all partitions."""
        return sum(map(len, self._partitions))

    async def init_partitions(self) -> None:
        """Makes the partitions that are not there yet, and publishes the limits.

        Raises Misconfigured if the server has another number of partitions.
        """
        self._tell_limits([await self._init_partition(keys) for keys in self.keys])

    async def _prepare(self) -> None:
        """Puts the library on the servers, and makes the partitions. A cluster may lack some of its servers."""
        nodes = await self.redis.primaries()
        if len(nodes) == 1:
            await self._prepare_node(nodes[0])
            await self._check_tags()
            await self.init_partitions()
            return
        prepared = await asyncio.gather(*map(self._prepare_node, nodes), return_exceptions=True)
        if all(isinstance(result, Fault) for result in prepared):
            raise Misconfigured("no node of the cluster answers; check ONSALE_REDIS_URL")
        for result in prepared:
            if isinstance(result, BaseException) and not isinstance(result, Fault):
                raise result
        self._away = {keys.partition for keys in self.keys}
        await self._init_partitions_away()
        if len(self._away) == len(self.keys):
            raise Misconfigured("no partition can be used: no node of the cluster takes writes")

    async def _check_tags(self) -> None:
        """Raises Misconfigured for a single server with data of a cluster: its partitions would be made once more."""
        if self.redis.is_cluster:
            return
        metas = [[keys.meta for keys in some] for some in (self.keys, spread_keys(len(self.keys)))]
        plain, spread = await self.redis.calls([("EXISTS", *names) for names in metas])
        if spread and not plain:
            raise Misconfigured(
                "the server has data of a cluster, whose keys have other names; start it with `cluster-enabled yes`, "
                "or run `onsale restore` into an empty server"
            )

    async def _prepare_node(self, node: Redis) -> None:
        await check_server(node, self.settings.replica_acks)
        await install_on(node)

    async def _init_partitions_away(self) -> None:
        """Makes those of the partitions that were away whose server is there now."""
        missing = await self._usable([keys for keys in self.keys if keys.partition in self._away])
        made = await asyncio.gather(*map(self._init_partition, missing), return_exceptions=True)
        limits = []
        for keys, result in zip(missing, made, strict=True):
            if isinstance(result, str):
                self._away.discard(keys.partition)
                limits.append(result)
            elif not isinstance(result, Fault | ResponseError):
                raise result
            else:
                self.redis.outage_of(keys).failed(result)
        self._tell_limits(limits)

    async def _usable(self, wanted: list[PartitionKeys]) -> list[PartitionKeys]:
        """The partitions of `wanted` that are there, or that may be made.

        Where another partition has a history, one that is not there was not just never made: it was lost, and would
        sell everything once more. It waits for `onsale restore --partitions lost`.
        """
        metas = await asyncio.gather(*map(self._meta, self.keys))
        if all(meta is not None for meta in metas) and not any(meta and meta[0] != b"0" for meta in metas):
            return wanted
        there = {keys.partition for keys, meta in zip(self.keys, metas, strict=True) if meta}
        lost = [keys.partition for keys in wanted if metas[keys.partition] == []]
        if lost and lost != self._told_lost:
            log.error("partitions_lost", partitions=lost, remedy="run `onsale restore --partitions lost`")
        self._told_lost = lost
        return [keys for keys in wanted if keys.partition in there]

    async def _meta(self, keys: PartitionKeys) -> list[bytes] | None:
        """The last outbox number of a partition, and what came before it; empty: it is not there; None: it is away."""
        try:
            sequence, before = await self.redis.hmget(keys.meta, ["seq", "before"])
        except Fault:
            return None
        return [] if sequence is None else [before or sequence]

    async def _wait_for_partitions(self) -> None:
        while self._away:
            await asyncio.sleep(_AWAY_PAUSE_SECONDS)
            before = self._away.copy()
            await self._init_partitions_away()
            for partition in before - self._away:
                self.redis.outage_of(self.keys[partition]).succeeded()
                self._serve(self.keys[partition])

    def _tell_limits(self, before: list[str]) -> None:
        """`before`: the limits that each partition had until now."""
        for limits in sorted(set(before)):
            if self._limits is not None:
                self._limits.published(limits)
            else:
                tell_difference(self.settings, limits)

    async def _init_partition(self, keys: PartitionKeys) -> str:
        """Makes a partition unless it is there; the limits that were published.

        Replicas get it with the first command. Raises Misconfigured if the server has another number of partitions.
        """
        own = self._limits.text if self._limits is not None else ""
        arguments = len(self.keys), own, self._id_secrets[keys.partition].hex()
        reply: bytes = await self._fcall(("FCALL", "onsale_init", len(keys.fixed), *keys.fixed, *arguments), 0)
        ready, _, limits = reply.decode().partition("\n")
        _, partitions, _, secret = ready.split()
        if int(partitions) != len(self.keys):
            raise Misconfigured(
                f"the server has {partitions} partitions, ONSALE_PARTITIONS is {len(self.keys)}; "
                f"set it to {partitions}: the number is fixed when a server is first used"
            )
        self._id_secrets[keys.partition] = bytes.fromhex(secret)
        return limits

    async def _fcall(self, call: Call, acks: int) -> Any:
        """An FCALL; puts the library there first if the server has lost it."""
        key = call[3]
        installs = self._library.installs(key)
        try:
            return await self._execute(call, acks)
        except ResponseError as error:
            if not misses_library(error):
                raise
            await self._library.install_again(key, installs)
            return await self._execute(call, acks)

    async def _execute(self, call: Call, acks: int) -> Any:
        if acks:
            return await call_with_acks(self.redis, call, acks, self.settings.replica_timeout_ms)
        return await self.redis.execute_command(*call)

    async def _patiently(self, step: Callable[[], Awaitable[None]], deadline: float) -> None:
        """Repeats a step until the server is there for all of it. Raises Misconfigured if it does not come in time."""
        while True:
            try:
                return await step()
            except (OutcomeUnknown, Unready) as fault:
                if asyncio.get_running_loop().time() > deadline:
                    raise Misconfigured(
                        f"Redis does not answer: {fault.__cause__ or fault}; check ONSALE_REDIS_URL"
                    ) from fault
                await asyncio.sleep(_START_PAUSE_SECONDS)

    async def _open(self) -> None:
        """Learns what the server is."""
        self.redis = await open_redis(self.settings, self.settings.partitions + 4, self.redis)
        self._library = LibraryKeeper(self.redis)
        self.outage = self.redis.outage
        self.keys[:] = self.redis.partition_keys(len(self.keys))
