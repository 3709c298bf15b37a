"""Group commit: while one batch of a partition is under way, the next one gathers.

There is no timer. A command that comes when nothing is under way leaves at once; under load the batches grow.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from engine.commands import Command
from engine.faults import EngineBug, Fault, OutcomeUnknown, Overloaded
from engine.results import Result

log = structlog.get_logger(__name__)

Call = Callable[[int, Sequence[Command[Result]]], Awaitable[list[Result]]]
"""Runs a batch on a partition."""

Observe = Callable[[list[Result], float, float], None]
"""Told of each batch: its results, seconds that its oldest command waited, seconds that Redis took."""

_RETRY_PAUSE_SECONDS = 0.05

TROUBLE = (RedisConnectionError, RedisTimeoutError, TimeoutError, OSError)
"""What calls raise while the server is away or slow."""

# What a server says when it cannot serve now. Anything else in a ResponseError is a fault of ours.
_PASSING = ("LOADING", "BUSY", "MISCONF", "OOM", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS")


class _Waiting(NamedTuple):
    command: Command[Any]
    answer: "asyncio.Future[Any]"
    since: float


class Batches:
    """The queue of one partition and the loop that empties it."""

    def __init__(
        self, partition: int, call: Call, observe: Observe, *, batch_commands: int, queue_commands: int, timeout: float
    ) -> None:
        self._partition = partition
        self._call = call
        self._observe = observe
        self._batch_commands = batch_commands
        self._queue_commands = queue_commands
        self._timeout = timeout
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __len__(self) -> int:
        return len(self._queue)

    def check_room(self) -> None:
        """Raises Overloaded when the queue is full."""
        if len(self._queue) >= self._queue_commands:
            raise Overloaded("the queue is full; nothing was done; try again later")

    def submit(self, command: Command[Any]) -> "asyncio.Future[Any]":
        """Queues a command; the future has its result. Raises Overloaded when the queue is full."""
        self.check_room()
        answer: asyncio.Future[Any] = self._loop.create_future()
        self._queue.append(_Waiting(command, answer, self._loop.time()))
        self._wake.set()
        return answer

    async def run(self) -> None:
        """Sends batches for ever, one at a time."""
        while True:
            await self._wake.wait()
            batch = self._take()
            if batch:
                await self._send(batch)
            if not self._queue:
                self._wake.clear()

    def refuse_all(self) -> None:
        """Answers what still waits with Overloaded: at shutdown nothing waits for ever."""
        while self._queue:
            _fail(self._queue.popleft(), Overloaded("the server is stopping; nothing was done; try again"))

    def _take(self) -> list[_Waiting]:
        """The next batch. What waited longer than the timeout is refused: its caller is about to give up."""
        batch: list[_Waiting] = []
        oldest = self._loop.time() - self._timeout
        while self._queue and len(batch) < self._batch_commands:
            waiting = self._queue.popleft()
            if waiting.answer.done():
                continue
            if waiting.since < oldest:
                _fail(waiting, Overloaded("the queue is too slow; nothing was done; try again later"))
            else:
                batch.append(waiting)
        return batch

    async def _send(self, batch: list[_Waiting]) -> None:
        """Runs a batch and gives each caller its result. A batch that raises is sent again one by one."""
        began = self._loop.time()
        try:
            results = await self._attempt(batch, began + self._timeout)
        except Fault as fault:
            for waiting in batch:
                _fail(waiting, fault)
        except asyncio.CancelledError:
            for waiting in batch:
                _fail(waiting, OutcomeUnknown("the server is stopping; repeat with the same key to learn the outcome"))
            raise
        except (ResponseError, ValueError, EngineBug) as error:
            if len(batch) > 1:
                log.error("batch_raised", partition=self._partition, commands=len(batch), error=str(error))
                for waiting in batch:
                    await self._send([waiting])
            else:
                name = type(batch[0].command).__name__
                log.error("command_raised", partition=self._partition, command=name, error=str(error))
                _fail(batch[0], _bug(error))
        else:
            self._observe(results, began - batch[0].since, self._loop.time() - began)
            for waiting, result in zip(batch, results, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(result)

    async def _attempt(self, batch: list[_Waiting], deadline: float) -> list[Result]:
        """Calls Redis, again after a passing trouble, until the deadline. The ids in the commands make that safe."""
        commands = [waiting.command for waiting in batch]
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._call(self._partition, commands)
            except TROUBLE as error:
                trouble: Exception = error
            except ResponseError as error:
                if not str(error).startswith(_PASSING):
                    raise
                trouble = error
            if self._loop.time() + _RETRY_PAUSE_SECONDS >= deadline:
                log.warning("redis_away", partition=self._partition, commands=len(batch), error=repr(trouble))
                raise OutcomeUnknown("no answer from Redis in time; repeat with the same key to learn the outcome")
            await asyncio.sleep(_RETRY_PAUSE_SECONDS)


def _bug(error: Exception) -> EngineBug:
    bug = EngineBug(f"a command raised in Redis: {error}")
    bug.__cause__ = error
    return bug


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
