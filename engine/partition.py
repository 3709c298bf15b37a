"""One partition as its process sees it: a queue, and the loop that sends it to Redis in batches.

Group commit: while one batch is under way, the next one gathers. There is no timer: a command that comes when nothing
is under way leaves at once, and under load the batches grow.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import structlog
from redis.exceptions import ResponseError

from engine.acknowledged import Acknowledged
from engine.alike import in_columns, write_out
from engine.commands.bookings import Book, OnBooking
from engine.commands.command import Command, OnReservation
from engine.commands.holds import Hold
from engine.errors import HOW_TO_LEARN, EngineBug, Fault, OutcomeUnknown, OutOfMemory, Overloaded, Unready
from engine.lanes import Answer, Lanes, Waiting
from engine.library import LibraryKeeper, misses_library
from engine.limits import NO_LIMITS, LimitsInForce
from engine.outage import AWAY_SECONDS, Absence, Outage
from engine.redis_keys import PartitionKeys
from engine.replicas import call_with_acks
from engine.results.any_result import ANY_RESULT
from engine.results.internal import Again, MemoryFull
from engine.results.result import Result
from engine.server_errors import TROUBLE, code_of, is_interrupted, is_unready
from engine.settings import Settings
from engine.wire import Call, Wire

log = structlog.get_logger(__name__)

R = TypeVar("R", bound=Result)

Observe = Callable[[list[Result], float, float], None]
"""Called with each batch: its results, seconds that its oldest command waited, seconds that Redis took."""

_KEYED = (Hold, Book)
"""Commands that may bring the key of their event (engine/key_events.py)."""

_RETRY_PAUSE_SECONDS = 0.05
_LOOK_SECONDS, _LOOK_PAUSE_SECONDS = 0.3, 1.0
"""Of looks at a server that may be another one than before: how long one takes at most, and the pause before each."""

_FIRST_COST_MICROS = 10.0
"""The assumed cost of a command before the first measurement: about that of a hold in a batch."""

_SMALLEST_LIMIT = 32

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[ANY_RESULT | int | str])


class Partition:
    """Takes commands on a partition's events, and gives each its result."""

    def __init__(
        self,
        settings: Settings,
        keys: PartitionKeys,
        wire: Wire,
        library: LibraryKeeper,
        outage: Outage,
        changes: list[int],
        observe: Observe,
        limits: LimitsInForce | None,
        tell_lost: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._known_limits = limits.text if limits else ""
        self._keys = keys
        self._wire = wire
        self._library = library
        self._outage = outage
        self._changes = changes
        self._observe = observe
        self._loop = asyncio.get_running_loop()
        self._timeout = settings.command_timeout_ms / 1000
        self._lanes = Lanes(settings.queue_commands, self._timeout, self._loop.time)
        self._absence = Absence(self._timeout, self._loop.time)
        self._sending = False
        self._wake = asyncio.Event()
        self._cost_micros = _FIRST_COST_MICROS
        self._acknowledged = Acknowledged(keys.partition, tell_lost)
        self._unsure = False
        self._look: asyncio.TimerHandle | None = None
        self._trace = ""
        wire.on_lost = self._look_back_soon

    def __len__(self) -> int:
        """Commands waiting to be sent."""
        return len(self._lanes)

    def check_room(self) -> None:
        """Raises Overloaded if a command that takes places would be refused."""
        self._lanes.check_room()

    def has_room(self) -> bool:
        """True if `check_room` would not raise."""
        return self._lanes.has_room()

    def is_away(self) -> bool:
        """True if its server has been away for a while."""
        return self._absence.is_long()

    async def submit(self, command: Command[R]) -> R:
        """Queues a command and waits for its result.

        Raises Overloaded, OutOfMemory, Unready, OutcomeUnknown, or EngineBug.
        """
        answer: asyncio.Future[R] = self._loop.create_future()
        self.append(command, answer)
        return await answer

    def append(self, command: Command[Any], answer: Answer) -> None:
        """Queues a command whose result, or Fault, or EngineBug, the answer is given. Raises Overloaded, Unready.

        Where the server has been away for `AWAY_SECONDS`, one batch at a time tries it. All others are refused at once.
        """
        if self._absence.is_long() and (self._sending or self._lanes):
            seconds = f"{AWAY_SECONDS:g}"
            raise Unready(f"Redis has been away for more than {seconds} s; nothing was done; try again later")
        self._lanes.append(command, answer)
        self._wake.set()

    async def run(self) -> None:
        """Sends batches forever, one at a time."""
        try:
            while True:
                await self._wake.wait()
                batch, late = self._lanes.take(self._batch_limit())
                for waiting in late:
                    _fail(waiting, Overloaded("the command waited too long; nothing was done; try again later"))
                if batch:
                    self._sending = True
                    await self._send(batch)
                    self._sending = False
                    if self._unsure:
                        self._look_back_soon()
                elif late:
                    await asyncio.sleep(0)  # others' turn: there may be many more that waited too long
                elif self._unsure:
                    await self._look_back()
                if not self._lanes:
                    self._wake.clear()
        finally:
            self._wire.drop()

    def _look_back_soon(self) -> None:
        """The connection was lost: whatever answers next may be another server."""
        self._unsure = bool(self._acknowledged.epoch)
        if self._unsure and self._look is None:
            self._look = self._loop.call_later(_LOOK_PAUSE_SECONDS, self._wake_to_look)

    def _wake_to_look(self) -> None:
        self._look = None
        self._wake.set()

    async def _look_back(self) -> None:
        """Learns whether the server has what was acknowledged, where nobody calls the partition. Never waits long."""
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._call([], [])
        except (*TROUBLE, ResponseError, ValueError, Fault, EngineBug) as error:
            if isinstance(error, ResponseError):
                self._wire.refused(error)
            self._look_back_soon()

    def refuse_all(self) -> None:
        """Answers what still waits with Overloaded: at shutdown nothing waits forever."""
        for waiting in self._lanes.clear():
            _fail(waiting, Overloaded("the server is stopping; nothing was done; try again"))

    def _batch_limit(self) -> int:
        """As many commands as Redis can do in `batch_redis_ms`, by what they cost it lately."""
        affordable = self._settings.batch_redis_ms * 1000 / self._cost_micros
        return min(self._settings.batch_commands, max(_SMALLEST_LIMIT, int(affordable)))

    async def _send(self, batch: list[Waiting]) -> None:
        """Runs a batch and gives each caller its result. A batch that raises is sent again in halves."""
        began = self._loop.time()
        try:
            results = await self._attempt(batch, began)
        except Fault as fault:
            for waiting in batch:
                _fail(waiting, fault)
        except asyncio.CancelledError:
            for waiting in batch:
                _fail(waiting, OutcomeUnknown(f"the server is stopping; {HOW_TO_LEARN}"))
            raise
        except (ResponseError, ValueError, EngineBug) as error:
            await self._send_in_halves(batch, error)
        else:
            ended = self._loop.time()
            self._lanes.learn(began, ended)
            # The next batch leaves first, so that Redis works while these answers are written.
            self._loop.call_soon(self._answer, batch, results, began, ended)

    def _answer(self, batch: list[Waiting], results: list[Result], began: float, ended: float) -> None:
        self._observe(results, began - batch[0].since, ended - began)
        again: list[Waiting] = []
        for waiting, result in zip(batch, results, strict=True):
            if type(result) is Again:
                again.append(waiting)
            elif type(result) is MemoryFull:
                _fail(waiting, OutOfMemory())
            elif not waiting.answer.done():
                waiting.answer.set_result(result)
        if again:
            self._lanes.put_back(again)
            self._wake.set()

    async def _send_in_halves(self, batch: list[Waiting], error: Exception) -> None:
        """Finds the command that made the whole batch raise: nothing was written, and its neighbours are innocent."""
        if len(batch) == 1:
            name = type(batch[0].command).__name__
            log.error("command_raised", partition=self._keys.partition, command=name, error=str(error))
            _fail(batch[0], _bug(error))
            return
        log.error("batch_raised", partition=self._keys.partition, commands=len(batch), error=str(error))
        middle = len(batch) // 2
        await self._send(batch[:middle])
        await self._send(batch[middle:])

    async def _attempt(self, batch: list[Waiting], began: float) -> list[Result]:
        """Calls Redis, again after trouble that may pass, until the deadline. The ids in commands make that safe."""
        commands = [waiting.command for waiting in batch]
        actors = [(number, waiting.actor) for number, waiting in enumerate(batch, 1) if waiting.actor]
        deadline = began + self._timeout
        unknown = False
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    results = await self._call(commands, actors)
            except TROUBLE as error:
                unknown = unknown or (self._wire.has_sent and not is_unready(error))
                trouble: Exception = error
            except Unready as error:  # no node of the cluster has the slot: nothing was sent
                trouble = error
            except ResponseError as error:
                if not is_unready(error):
                    self._absence.ended()
                    raise
                unknown = unknown or is_interrupted(error)
                if self._wire.refused(error):
                    continue
                trouble = error
            else:
                self._outage.succeeded()
                self._absence.ended()
                return results
            self._outage.failed(trouble)
            self._absence.failed()
            if self._loop.time() + 2 * _RETRY_PAUSE_SECONDS >= deadline:
                if unknown:
                    raise OutcomeUnknown(f"no answer from Redis in time; {HOW_TO_LEARN}")
                reason = code_of(trouble) or "unreachable"
                raise Unready(f"Redis is not ready ({reason}); nothing was done; try again later")
            await asyncio.sleep(_RETRY_PAUSE_SECONDS)

    async def _call(self, commands: Sequence[Command[Any]], actors: Sequence[tuple[int, str]]) -> list[Result]:
        """The results of a batch. `actors`: numbers of commands, from 1, with on whose behalf they run."""
        try:
            reply = await self._run(self._function_call(commands, actors))
        finally:
            if not all(command.reads for command in commands):
                self._changes[self._keys.partition] += 1
        *results, micros, told = _DECODER.decode(reply)
        if len(results) > len(commands) and isinstance(told, str):
            self._learn_limits(told)
            *results, micros, told = *results, micros
        if len(results) != len(commands) or not isinstance(micros, int) or not isinstance(told, int | str):
            raise EngineBug(f"{len(results)} results for {len(commands)} commands")
        self._acknowledged.learn(told)
        self._unsure = False
        self._learn_cost(micros, len(commands))
        return write_out(results, commands)

    async def _run(self, call: Call) -> bytes:
        """The reply; puts the library there first if the server has lost it."""
        installs = self._library.installs(self._keys.meta)
        try:
            return await self._execute(call)
        except ResponseError as error:
            if not misses_library(error):
                raise
            await self._library.install_again(self._keys.meta, installs)
            return await self._execute(call)

    async def _execute(self, call: Call) -> bytes:
        settings = self._settings
        if settings.replica_acks:
            reply = await call_with_acks(self._wire, call, settings.replica_acks, settings.replica_timeout_ms)
        else:
            reply = await self._wire.call(call)
        if not isinstance(reply, bytes):
            raise EngineBug(f"not a batch's reply: {reply!r}")
        return reply

    def _function_call(self, commands: Sequence[Command[Any]], actors: Sequence[tuple[int, str]]) -> Call:
        """One FCALL for a batch (lua/90_run.lua)."""
        keys, settings = self._keys, self._settings
        names = [keys.hold(command.reservation_id) for command in commands if isinstance(command, OnReservation)]
        names += [
            keys.unbooked(command.event_id, command.booking_id)
            for command in commands
            if isinstance(command, OnBooking)
        ]
        names += [command.key for command in commands if isinstance(command, _KEYED) and command.key]
        # Limits ask about each hold, which therefore comes by itself.
        sent = in_columns(commands) if self._known_limits in ("", NO_LIMITS) else commands
        return (
            "FCALL",
            "onsale_run",
            len(keys.fixed) + len(names),
            *keys.fixed,
            *names,
            _ENCODER.encode(sent),
            settings.sweep_slice,
            settings.archive_seconds * 1000,
            settings.booking_expires_ms,
            self._known_limits,
            int(settings.replica_acks > 0),
            _ENCODER.encode(actors) if actors else b"",
            settings.memory_percent,
            self._trace,
            self._acknowledged.epoch,
            settings.answer_seconds * 1000,
        )

    def _learn_limits(self, text: str) -> None:
        """Others are in force than those that were known here."""
        self._known_limits = text
        if self._limits is not None:
            self._limits.learn(text)

    def _learn_cost(self, micros: int, commands: int) -> None:
        """Learn from large batches only: the cost of a small one is mostly that of the call itself."""
        if commands >= _SMALLEST_LIMIT:
            self._cost_micros += (max(1.0, micros / commands) - self._cost_micros) / 2


class AwayPartition(Partition):
    """A partition whose server has not been there since this process started. It refuses everything at once."""

    def __init__(self) -> None:
        """Nothing is known of it."""

    def __len__(self) -> int:
        return 0

    @staticmethod
    def fault() -> Unready:
        """The reason of every refusal."""
        return Unready("the part of Redis that has this is away; nothing was done; try again later")

    def is_away(self) -> bool:
        """True."""
        return True

    def check_room(self) -> None:
        """Raises Unready."""
        raise self.fault()

    def has_room(self) -> bool:
        """True: nobody waits for room that does not come."""
        return True

    async def submit(self, command: Command[R]) -> R:
        """Raises Unready."""
        raise self.fault()

    def append(self, command: Command[Any], answer: Answer) -> None:
        """Raises Unready."""
        raise self.fault()

    def refuse_all(self) -> None:
        """Nothing waits."""


def _bug(error: Exception) -> EngineBug:
    bug = EngineBug(f"a command raised in Redis: {error}")
    bug.__cause__ = error
    return bug


def _fail(waiting: Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
