"""The connection that a partition's batches go through.

redis-py opens it (TLS, unix socket, password, RESP3 or RESP2); from then on its transport is ours, and hiredis reads
what comes. A call of redis-py takes some 120 µs of this process, whatever is in it, and one of these 20.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, cast

import hiredis
from redis._parsers import BaseParser
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from engine.server_errors import leads_elsewhere

Call = tuple[Any, ...]
"""A command of Redis and its arguments."""


class _Replies(asyncio.Protocol):
    """Gives each reply, in order, to the call that waits for it."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self._reader = hiredis.Reader(replyError=_error_of)
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self._lost: Exception | None = None

    @property
    def is_lost(self) -> bool:
        """True if the connection is lost."""
        return self._lost is not None

    def expect(self, future: "asyncio.Future[Any]") -> None:
        """The next reply that nobody waits for yet is this one's. An error of Redis is a value here."""
        self._waiting.append(future)

    def data_received(self, data: bytes) -> None:
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                if not isinstance(reply, hiredis.PushNotification):
                    self._give(reply)
        except (hiredis.HiredisError, IndexError) as error:  # no RESP, or a reply to nothing
            self.connection_lost(error)

    def _give(self, reply: Any) -> None:
        future = self._waiting.popleft()
        if not future.done():
            future.set_result(reply)

    def eof_received(self) -> None:
        self.connection_lost(EOFError("Redis closed the connection"))

    def connection_lost(self, error: Exception | None) -> None:
        """Fails all that wait; called by the transport, or for what makes the connection useless."""
        if self._lost is None:
            self._lost = error or EOFError("closed")
            self._on_lost()
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(RedisConnectionError(f"the connection to Redis is lost: {self._lost!r}"))


class Wire:
    """Calls Redis over one connection, which is opened when it is needed and again when it was lost.

    If a caller gives up, its connection is closed. So Redis cannot execute the call much later, and no later call can
    get its reply. For one caller at a time.
    """

    def __init__(self, make_connection: Callable[[], AbstractConnection]) -> None:
        self._make_connection = make_connection
        self._connection: AbstractConnection | None = None
        self._transport: asyncio.Transport | None = None
        self._replies: _Replies | None = None
        self.has_sent = False
        """True if the last call, or part of it, may have reached Redis."""

        self.on_lost: Callable[[], None] = _do_nothing
        """Called when a connection is lost or given up."""

    async def call(self, call: Call) -> Any:
        """The reply to a call. Raises what redis-py raises."""
        return (await self.calls([call]))[0]

    async def calls(self, calls: Sequence[Call]) -> list[Any]:
        """The replies to calls that are sent in one piece. Raises what redis-py raises, for the first that failed."""
        self.has_sent = False
        replies = self._replies
        if replies is None or replies.is_lost:
            replies = await self._connect()
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[Any]] = [loop.create_future() for _ in calls]
        for future in futures:
            replies.expect(future)
        self.has_sent = True
        cast("asyncio.Transport", self._transport).write(b"".join(map(hiredis.pack_command, calls)))
        try:
            values = [await future for future in futures]
        except BaseException:
            self.drop()
            for future in futures:
                if future.done() and not future.cancelled():
                    future.exception()  # one error is enough
            raise
        for value in values:
            if isinstance(value, Exception):
                raise value
        return values

    def refused(self, error: Exception) -> bool:
        """Learns from an answer of Redis that it cannot do it now; true if the call may be sent again at once."""
        if leads_elsewhere(error):
            self.drop()
        return False

    def drop(self) -> None:
        """Gives the connection up at once. The next call opens another, to wherever the address leads by then."""
        transport, connection, replies = self._transport, self._connection, self._replies
        self._transport = self._connection = self._replies = None
        if transport is not None:
            transport.abort()
        if replies is not None:
            replies.connection_lost(EOFError("given up"))
        if connection is not None:
            _forget(connection)

    async def _connect(self) -> _Replies:
        self.drop()
        connection = self._make_connection()
        try:
            await connection.connect()  # type: ignore[no-untyped-call]  # redis-py does not annotate it
        except BaseException:
            writer = connection._writer
            if writer is not None:
                writer.transport.abort()
            _forget(connection)
            raise
        replies = _Replies(self.on_lost)
        transport = cast("asyncio.Transport", cast("asyncio.StreamWriter", connection._writer).transport)
        transport.set_protocol(replies)
        transport.resume_reading()  # a StreamReader may have paused it
        self._connection, self._transport, self._replies = connection, transport, replies
        return replies


def _do_nothing() -> None:
    """A callback for wires whose loss concerns nobody."""


def _error_of(text: str) -> Exception:
    """The error that redis-py makes of these words, so that errors are judged alike wherever they come from."""
    return cast("Exception", BaseParser.parse_error(text))  # type: ignore[no-untyped-call]  # as above


def _forget(connection: AbstractConnection) -> None:
    """Its transport is ended here; what redis-py keeps of it must not be closed again by its destructor."""
    connection._reader = connection._writer = None
