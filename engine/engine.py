"""The engine: submit a command, get its result."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from redis.exceptions import ResponseError

from engine.client import Redis
from engine.commands.bookings import OnBooking, PurgeSlots
from engine.commands.command import Command, OnEvent, OnReservation
from engine.commands.holds import Sweep
from engine.errors import Fault, Misconfigured, OutcomeUnknown, OutOfMemory, Overloaded, Unready
from engine.functions import LibraryFunctions
from engine.ids import ReservationIds, event_of
from engine.key_events import KeyEvents
from engine.limits import LimitsInForce
from engine.memory import memory_of
from engine.opening import open_redis
from engine.outage import Outage
from engine.partition import AwayPartition, Observe, Partition
from engine.preparation import Preparation
from engine.redis_keys import PartitionKeys, key_tags, partition_of, plain_keys
from engine.results.bookings import Purged
from engine.results.holds import Swept
from engine.results.result import Result
from engine.server import connect
from engine.server_errors import TROUBLE, code_of, is_unready
from engine.settings import Settings
from engine.slots import is_booking_id
from engine.traced_partition import TracedPartition
from engine.tracing import Tracer
from engine.wire import Wire

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
        self.changes = [0] * settings.partitions
        """Batches per partition that may have changed something, counted before their commands are answered."""
        self.outage = Outage("redis")
        self._use(connect(settings, settings.partitions + 4, self.outage))
        self._calls = 0
        self._key_wires: list[Wire] = []
        self.key_events: KeyEvents | None = None
        """In a cluster, from entering on. On a single server commands check the events of their keys themselves."""
        self._partitions: list[Partition] = []
        self._tasks = asyncio.TaskGroup()
        self._loops: list[asyncio.Task[None]] = []

    def _use(self, redis: Redis) -> None:
        self.redis = redis
        self._functions = LibraryFunctions(self.settings, redis)
        self._preparation = Preparation(self.settings, redis, self.keys, self._functions, self._limits)

    async def __aenter__(self) -> Self:
        try:
            deadline = asyncio.get_running_loop().time() + self.settings.start_patience_ms / 1000
            await self._patiently(self._open, deadline)
            # The server may go away between two steps: a start takes part of a second, and many start at once.
            await self._patiently(self._preparation.prepare, deadline)
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
            if keys.partition not in self._preparation.away:
                self._serve(keys)
        if self._preparation.away:
            self._loops.append(self._tasks.create_task(self._wait_for_partitions(), name="partitions-away"))
        return self

    def _serve(self, keys: PartitionKeys) -> None:
        """Takes commands on a partition from now on."""
        partition = self._make_partition(
            self.settings,
            keys,
            self.redis.wire(keys.meta),
            self._functions.keeper,
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
        if partition in self._preparation.away:
            raise AwayPartition.fault()
        return self._preparation.id_secrets[partition]

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
            return await self._functions.call(("FCALL", function, len(keys), *keys, *arguments), acks)
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
        await self._preparation.make_all()

    async def _wait_for_partitions(self) -> None:
        while self._preparation.away:
            await asyncio.sleep(_AWAY_PAUSE_SECONDS)
            before = self._preparation.away.copy()
            await self._preparation.make_returned()
            for partition in before - self._preparation.away:
                self.redis.outage_of(self.keys[partition]).succeeded()
                self._serve(self.keys[partition])

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
        redis = await open_redis(self.settings, self.settings.partitions + 4, self.redis)
        self.outage = redis.outage
        self.keys[:] = redis.partition_keys(len(self.keys))
        self._use(redis)
