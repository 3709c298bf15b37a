"""Wires between the processes: each passes on what two of them say to one another, and can end a process in between.

A point is a call on a wire, recognized by some of its bytes, and a moment of it. The moments are before the request
arrives, between request and reply, and after the reply has arrived. Nothing in the product knows of this.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import NamedTuple

from cli.ports import LOOPBACK
from tests.support.waiting import wait_until

_BYTES = 1 << 20


class Moment(StrEnum):
    """When, of a call."""

    BEFORE = "before"
    """The request has been sent and does not arrive, if one of its ends dies."""
    BETWEEN = "between"
    """It has had its effect; the reply does not arrive, if one of its ends dies."""
    AFTER = "after"
    """The reply has arrived."""


class Point(NamedTuple):
    """The nth call on a wire whose request has these bytes in it, and a moment of it."""

    wire: str
    call: bytes
    moment: Moment
    nth: int = 1

    def __str__(self) -> str:
        return f"{self.moment} {self.wire} {self.call.decode('ascii', 'ignore').strip()} #{self.nth}"


class Trap:
    """Waits for a point, and then does something, once. `loses`: what is in hand at that moment gets lost."""

    def __init__(self, point: Point, spring: Callable[[], None], *, loses: bool) -> None:
        self.point = point
        self.sprung = asyncio.Event()
        self.loses = loses and point.moment is not Moment.AFTER
        self._spring = spring
        self._left = point.nth

    def sees_call(self, data: bytes) -> bool:
        """True if a request is the call."""
        if self.sprung.is_set() or self._left < 1 or self.point.call not in data:
            return False
        self._left -= 1
        return self._left == 0

    def spring(self) -> None:
        """Does it."""
        self._spring()
        self.sprung.set()


class Wire:
    """Passes on to `target_port`. `name` says who calls whom: api-valkey."""

    def __init__(self, name: str, target_port: int) -> None:
        self.name = name
        self.port = 0
        self.trap: Trap | None = None
        self.target_port = target_port
        self._connections = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Listens for as long as the block runs."""
        server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            server.close()
            await wait_until(lambda: not self._connections, what=f"{self.name} is quiet")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        ends = [writer]
        try:
            there, back = await asyncio.open_connection(LOOPBACK, self.target_port)
            ends.append(back)
            call = _Call()
            requests = asyncio.ensure_future(self._requests(reader, back, call))
            replies = asyncio.ensure_future(self._replies(there, writer, call))
            done, rest = await asyncio.wait({requests, replies}, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
            await asyncio.gather(*done, *rest, return_exceptions=True)
        except OSError:
            pass  # nobody listens there: the end of its connection shows that to the caller
        finally:
            for end in ends:
                end.close()
                with suppress(OSError):
                    await end.wait_closed()
            self._connections -= 1

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: "_Call") -> None:
        while data := await reader.read(_BYTES):
            trap = self.trap
            if trap is not None and trap.sees_call(data):
                if trap.point.moment is Moment.BEFORE:
                    trap.spring()
                    if trap.loses:
                        return
                else:
                    call.trap = trap
            writer.write(data)
            await writer.drain()

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: "_Call") -> None:
        while data := await reader.read(_BYTES):
            trap, call.trap = call.trap, None
            if trap is not None and trap.point.moment is Moment.BETWEEN:
                trap.spring()
                if trap.loses:
                    return
            writer.write(data)
            await writer.drain()
            if trap is not None and trap.point.moment is Moment.AFTER:
                trap.spring()


class _Call:
    """The call on a connection whose reply is waited for."""

    def __init__(self) -> None:
        self.trap: Trap | None = None
