"""The engine: submit a command, get its result."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import structlog
from redis.exceptions import ResponseError

from engine.batches import TROUBLE, Batches, Observe
from engine.client import Redis
from engine.commands import Command, OnBooking, OnEvent, OnReservation, PurgeSlots, Sweep
from engine.faults import EngineBug, Misconfigured, OutcomeUnknown, Overloaded
from engine.ids import ReservationIds, event_of
from engine.keys import PartitionKeys, partition_of
from engine.library import install_library
from engine.limits import packed_limits
from engine.replicas import execute_with_acks
from engine.results import Again, AnyResult, Purged, Result, Swept
from engine.server import check_server, connect
from engine.settings import Settings
from engine.slots import is_booking_id

log = structlog.get_logger(__name__)

R = TypeVar("R", bound=Result)

_START_PAUSE_SECONDS = 0.2


def observe_nothing(_results: list[Result], _waited: float, _took: float) -> None:
    """For processes that publish no metrics of batches."""


class Engine:
    """The way to Redis for commands. An async context manager: within it, all partitions are served.

    Entering waits for the server, checks it, installs the Lua library and makes the partitions; it raises
    Misconfigured if the server must not be used or does not come within `start_patience_ms`.
    """

    def __init__(self, settings: Settings, observe: Observe = observe_nothing) -> None:
        self.settings = settings
        self._observe = observe
        self.keys = [PartitionKeys(partition) for partition in range(settings.partitions)]
        self._encoder = msgspec.msgpack.Encoder()
        self._limits = packed_limits(settings)
        self._decoder = msgspec.msgpack.Decoder(list[AnyResult])
        self.ids = ReservationIds()
        self._installs = self._calls = 0
        self._install_lock = asyncio.Lock()
        self.redis: Redis = connect(settings, settings.partitions + 4)
        self._batches: list[Batches] = []
        self._tasks = asyncio.TaskGroup()
        self._loops: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        settings = self.settings
        try:
            await self._wait_for_server()
            await check_server(self.redis, settings.replica_acks)
            await install_library(self.redis)
            await self.init_partitions()
        except BaseException:
            await self.redis.aclose()
            raise
        await self._tasks.__aenter__()
        for keys in self.keys:
            batches = Batches(
                keys.partition,
                self._call,
                self._observe,
                batch_commands=settings.batch_commands,
                queue_commands=settings.queue_commands,
                timeout=settings.command_timeout_ms / 1000,
            )
            self._batches.append(batches)
            self._loops.append(self._tasks.create_task(batches.run(), name=f"batches-{keys.partition:02}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for loop in self._loops:
            loop.cancel()
        for batches in self._batches:
            batches.refuse_all()
        await self._tasks.__aexit__(None, None, None)
        await self.redis.aclose()

    def submit(self, command: Command[R]) -> Coroutine[Any, Any, R]:
        """Runs a command on the partition of its event; to be awaited.

        Raises ValueError for what is no id of a reservation or a booking, Overloaded, OutcomeUnknown, or EngineBug.
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
        return self._submit(partition_of(event_id, len(self.keys)), command)

    def check_room(self, event_id: int) -> None:
        """Raises Overloaded if a command about this event would be refused, for who would wait for something before."""
        self._batches[partition_of(event_id, len(self.keys))].check_room()

    async def sweep(self, partition: int) -> Swept:
        """Gives back a slice of what is due in a partition."""
        return await self._submit(partition, Sweep())

    async def purge_slots(self, partition: int, skip: int = 0) -> Purged:
        """Removes a slice of what is long past in a partition, passing over slots that were kept before."""
        return await self._submit(partition, PurgeSlots(skip))

    async def call(self, function: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:
        """Calls another function of the library, outside of the batches.

        Raises Overloaded if `queue_commands` such calls wait already, OutcomeUnknown if no answer comes.
        """
        if self._calls >= self.settings.queue_commands:
            raise Overloaded("too many calls wait; nothing was done; try again later")
        self._calls += 1
        try:
            async with self._in_time():
                return await self._fcall(("FCALL", function, len(keys), *keys, *arguments), self.settings.replica_acks)
        finally:
            self._calls -= 1

    def queued(self) -> int:
        """Commands that wait, in all partitions."""
        return sum(map(len, self._batches))

    async def init_partitions(self) -> None:
        """Makes the partitions that are not there yet. Raises Misconfigured if the server has another number."""
        for keys in self.keys:
            partitions = await self._init_partition(keys)
            if partitions != len(self.keys):
                raise Misconfigured(
                    f"the server has {partitions} partitions, ONSALE_PARTITIONS is {len(self.keys)}; "
                    f"set it to {partitions}: the number is fixed when a server is first used"
                )

    async def _init_partition(self, keys: PartitionKeys) -> int:
        """Makes a partition unless it is there; tells how many there are. Replicas get it with the first command."""
        async with self._in_time():
            reply: bytes = await self._fcall(("FCALL", "onsale_init", len(keys.fixed), *keys.fixed, len(self.keys)), 0)
            return int(reply.split()[1])

    @asynccontextmanager
    async def _in_time(self) -> AsyncIterator[None]:
        """For a call outside of the batches. Raises OutcomeUnknown if no answer comes."""
        try:
            async with asyncio.timeout(self.settings.command_timeout_ms / 1000):
                yield
        except TROUBLE as error:
            raise OutcomeUnknown("no answer from Redis in time; repeat to learn the outcome") from error

    async def _submit(self, partition: int, command: Command[R]) -> R:
        batches = self._batches[partition]
        while True:
            result = await batches.submit(command)
            if not isinstance(result, Again):
                return result  # type: ignore[no-any-return]  # the word decides; tests hold commands to their results

    async def _call(self, partition: int, commands: Sequence[Command[Any]]) -> list[Result]:
        """One FCALL for a batch."""
        keys = self.keys[partition]
        names = [keys.hold(command.reservation_id) for command in commands if isinstance(command, OnReservation)]
        names += [
            keys.unbooked(command.event_id, command.booking_id)
            for command in commands
            if isinstance(command, OnBooking)
        ]
        arguments = (
            "FCALL",
            "onsale_run",
            len(keys.fixed) + len(names),
            *keys.fixed,
            *names,
            self._encoder.encode(commands),
            self.settings.sweep_slice,
            self.settings.archive_seconds * 1000,
            self.settings.booking_expires_ms,
            self._limits,
        )
        reply: bytes = await self._fcall(arguments, self.settings.replica_acks)
        results = self._decoder.decode(reply)
        if len(results) != len(commands):
            raise EngineBug(f"{len(results)} results for {len(commands)} commands")
        return list(results)

    async def _fcall(self, arguments: tuple[Any, ...], acks: int) -> Any:
        """An FCALL; puts the library there first if the server has lost it."""
        installs = self._installs
        try:
            return await self._execute(arguments, acks)
        except ResponseError as error:
            if "Function not found" not in str(error):
                raise
            await self._reinstall(installs)
            return await self._execute(arguments, acks)

    async def _execute(self, arguments: tuple[Any, ...], acks: int) -> Any:
        if acks:
            return await execute_with_acks(self.redis, arguments, acks, self.settings.replica_timeout_ms)
        return await self.redis.execute_command(*arguments)

    async def _reinstall(self, installs: int) -> None:
        """Installs the library once for all partitions that miss it: who comes later finds it done."""
        async with self._install_lock:
            if self._installs == installs:
                log.warning("library_missing", remedy="installing it again")
                await install_library(self.redis)
                self._installs += 1

    async def _wait_for_server(self) -> None:
        """Waits until the server answers a PING and has loaded its data."""
        deadline = asyncio.get_running_loop().time() + self.settings.start_patience_ms / 1000
        while True:
            try:
                async with asyncio.timeout(self.settings.command_timeout_ms / 1000):
                    await self.redis.ping()
                    return
            except TROUBLE as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise Misconfigured(f"Redis does not answer: {error}; check ONSALE_REDIS_URL") from error
                log.info("waiting_for_redis", error=str(error))
                await asyncio.sleep(_START_PAUSE_SECONDS)
