"""A crowd: kept-alive connections, and arrivals by the clock that use whichever is free.

Open loop: an arrival is due at an instant, whatever the server does, and its latency counts from there. It waits for a
free connection if all are in use, as a customer waits for a page. Raw protocols, because the crowd must cost less than
the server that it asks.
"""

import asyncio
from array import array
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple, cast

from loadtest.open_loop.figures import Load

RequestOf = Callable[[int], bytes]
"""The whole request of an arrival, by its number."""

_TICK_SECONDS = 0.001
_OPENED_AT_ONCE = 100
_CONNECT_SECONDS = 30.0
_PATIENCE_SECONDS = 10.0
_CLOSED_CONNECTIONS = 256
_LENGTH = b"Content-Length: "
_RETRY_AFTER = b"\r\nRetry-After: "
_UNAVAILABLE = 503


class Address(NamedTuple):
    """The address of the server."""

    host: str
    port: int


class _Connection(asyncio.Protocol):
    """One kept-alive connection: one request at a time."""

    __slots__ = ("_buffer", "_missing", "crowd", "due", "transport")

    def __init__(self, crowd: "Crowd") -> None:
        self.crowd = crowd
        self.transport: asyncio.Transport | None = None
        self.due = -1.0
        self._missing = 0
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def ask(self, due: float, request: bytes) -> None:
        self.due = due
        cast("asyncio.Transport", self.transport).write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            if self._buffer:
                data = self._buffer + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = data
                return
            at = data.find(_LENGTH, 0, end)
            length = int(data[at + len(_LENGTH) : data.find(b"\r", at)]) if at >= 0 else 0
            self._missing = end + 4 + length - len(data)
            status = self.crowd.status = int(data[9:12])
            if status == _UNAVAILABLE and _RETRY_AFTER not in data[:end]:
                self.crowd.note_unhelpful()
            self._buffer = b""
        if self._missing <= 0:
            self._missing = 0
            self.crowd.answered(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.crowd.lost(self)


class Crowd:
    """Connections to one server. An async context manager: within it they are open."""

    def __init__(self, address: Address, connections: int, request_of: RequestOf) -> None:
        self.status = 0
        """Of the answer whose head was read last."""
        self._address = address
        self._wanted = connections
        self._request_of = request_of
        self._loop = asyncio.get_running_loop()
        self._free: deque[_Connection] = deque()
        self._all: set[_Connection] = set()
        self._arrivals = _Arrivals(0.0, 1.0)
        self._number = 0
        self._under_way = 0
        self._closing = False
        self._recording: _Recording | None = None
        self._again: Callable[[_Connection], None] | None = None
        self._reopening: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Crowd":
        gate = asyncio.Semaphore(_OPENED_AT_ONCE)
        async with asyncio.timeout(_CONNECT_SECONDS), asyncio.TaskGroup() as tasks:
            for _ in range(self._wanted):
                tasks.create_task(self._open(gate))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing = True
        for task in self._reopening:
            task.cancel()
        for connection in list(self._all):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)

    async def _open(self, gate: asyncio.Semaphore) -> None:
        async with gate:
            _, connection = await self._loop.create_connection(lambda: _Connection(self), *self._address)
        self._all.add(connection)
        self._give(connection)

    async def open_loop(self, name: str, per_second: float, seconds: float) -> Load:
        """That many arrivals a second, evenly, for so long; then waits for the answers to what was asked."""
        recording = self._recording = _Recording(self._loop.time(), seconds)
        arrivals = self._arrivals = _Arrivals(recording.began, per_second)
        while (now := self._loop.time()) < recording.until:
            arrivals.until(now)
            while self._free and arrivals.waiting:
                self._ask(self._free.popleft(), arrivals.next_due())
            await asyncio.sleep(_TICK_SECONDS)
        unsent = arrivals.give_up()
        await self._quiet()
        self._recording = None
        return recording.load(name, arrivals.due, unsent)

    async def closed_loop(self, name: str, seconds: float) -> Load:
        """As fast as it is answered, on few connections: what the server can do at its best."""
        recording = self._recording = _Recording(self._loop.time(), seconds)
        self._again = lambda connection: self._ask(connection, self._loop.time())
        for _ in range(min(_CLOSED_CONNECTIONS, len(self._free))):
            self._ask(self._free.popleft(), self._loop.time())
        await asyncio.sleep(seconds)
        self._again = None
        await self._quiet()
        self._recording = None
        return recording.load(name, len(recording.statuses), 0)

    async def _quiet(self) -> None:
        """Until all that was asked is answered, or the patience ends."""
        deadline = self._loop.time() + _PATIENCE_SECONDS
        while self._under_way and self._loop.time() < deadline:  # noqa: ASYNC110  # an Event would cost each answer
            await asyncio.sleep(0.01)

    def _ask(self, connection: _Connection, due: float) -> None:
        self._under_way += 1
        connection.ask(due, self._request_of(self._number))
        self._number += 1

    def _give(self, connection: _Connection) -> None:
        """A connection is free."""
        if self._arrivals.waiting:
            self._ask(connection, self._arrivals.next_due())
        elif self._again is not None:
            self._again(connection)
        else:
            self._free.append(connection)

    def answered(self, connection: _Connection) -> None:
        """A whole answer came."""
        self._under_way -= 1
        due, connection.due = connection.due, -1.0
        if self._recording is not None:
            self._recording.note(self._loop.time(), due, self.status)
        self._give(connection)

    def note_unhelpful(self) -> None:
        """A refusal did not say when to come again."""
        if self._recording is not None:
            self._recording.unhelpful += 1

    def lost(self, connection: _Connection) -> None:
        """The server closed a connection. Another takes its place."""
        self._all.discard(connection)
        if self._closing:
            return
        if connection.due >= 0:
            self._under_way -= 1
            if self._recording is not None:
                self._recording.broken += 1
        elif connection in self._free:
            self._free.remove(connection)
        task = self._loop.create_task(self._reopen())
        self._reopening.add(task)
        task.add_done_callback(self._reopening.discard)

    async def _reopen(self) -> None:
        while not self._closing:
            try:
                await self._open(asyncio.Semaphore(1))
            except OSError:
                await asyncio.sleep(0.1)
            else:
                return


class _Arrivals:
    """The arrivals of an open loop, evenly by the clock. One that waits is only counted: there may be millions."""

    __slots__ = ("_began", "_next", "_per_second", "due", "waiting")

    def __init__(self, began: float, per_second: float) -> None:
        self._began, self._per_second = began, per_second
        self.due = self.waiting = self._next = 0

    def until(self, now: float) -> None:
        """Adds those that are due by now."""
        due = int((now - self._began) * self._per_second)
        self.waiting += due - self.due
        self.due = due

    def next_due(self) -> float:
        """The instant at which the one that has waited longest was due. It waits no more."""
        self.waiting -= 1
        self._next += 1
        return self._began + (self._next - 1) / self._per_second

    def give_up(self) -> int:
        """The number that still waited; none does from now on."""
        waiting, self.waiting = self.waiting, 0
        return waiting


class _Recording:
    """The recording of one load."""

    def __init__(self, began: float, seconds: float) -> None:
        self.began, self.seconds, self.until = began, seconds, began + seconds
        self.broken = self.unhelpful = 0
        self.statuses = array("H")
        self._at = array("d")
        self._latency = array("d")

    def note(self, now: float, due: float, status: int) -> None:
        self.statuses.append(status)
        self._at.append(now - self.began)
        self._latency.append(now - due)

    def load(self, name: str, due: int, unsent: int) -> Load:
        return Load(
            name=name,
            seconds=self.seconds,
            due=due,
            unsent=unsent,
            broken=self.broken,
            unhelpful=self.unhelpful,
            statuses=Counter(self.statuses),
            answers=list(zip(self._at, self._latency, self.statuses, strict=True)),
        )
