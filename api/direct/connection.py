"""A connection that offers a request to the direct paths before aiohttp's task gets it.

This is the one module that knows how aiohttp's connection works inside. It is used with the versions of aiohttp that
the tests have run with. With others, and where `ONSALE_DIRECT_REQUESTS` is off, all requests take the ordinary path.
"""

from typing import Any, Protocol

import aiohttp
import structlog
from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD

from api.direct.hold_gate import HoldGate
from api.http.server import Connection
from engine.partition import Partition

log = structlog.get_logger(__name__)

PROVED_VERSIONS = frozenset({"3.14.5"})
"""The versions of aiohttp with which the tests have run."""


class Holds(Protocol):
    """The direct path of new holds (api/direct/holds.py)."""

    gate: HoldGate

    def take_usual(self, connection: "DirectConnection", data: bytes) -> bool | None:
        """True if the request in the data is handled here; None if it must be parsed to find that out."""
        ...

    def take(self, connection: "DirectConnection", message: RawRequestMessage, payload: Any) -> bool:
        """True if the request is handled here. If not, nothing was done."""
        ...

    def early_refusal(self, connection: "DirectConnection", data: bytes) -> bytes | None:
        """The answer to a hold that found no room, which was not parsed; None for one that is not quite as usual."""
        ...


class Pages(Protocol):
    """The direct path of public pages (api/direct/pages.py)."""

    def knows(self, data: bytes) -> bool:
        """True for a request that came before, to the byte."""
        ...

    def answer(self, connection: "DirectConnection", data: bytes) -> list[bytes] | None:
        """The answer to a request with the same bytes as an earlier one; None: it must be parsed.

        Nothing: it comes a little later, by `show_late`.
        """
        ...

    def take(self, connection: "DirectConnection", message: RawRequestMessage, data: bytes) -> list[bytes] | None:
        """The answer to a request that came alone, and for the first time; None for one that is not handled here."""
        ...


class DirectConnection(Connection):
    """Offers each request that comes alone to the direct paths before aiohttp's task gets it."""

    __slots__ = ("_at_boundary", "_held_back", "_holds", "_pages", "early", "hold")

    def __init__(self, holds: Holds, pages: Pages, manager: web.Server, **how: Any) -> None:
        super().__init__(manager, **how)
        self._holds, self._pages = holds, pages
        self._held_back = False
        """True while we do not read; aiohttp's `_paused` is about writing, and it has pauses of reading of its own."""

        self._at_boundary = True
        """True while it is certain that the parser has nothing of a next request."""

        self.hold: object | None = None
        """The hold that is under way."""

        self.early = b""
        """Bytes that arrived and are not parsed yet, because there is no room."""

    def data_received(self, data: bytes) -> None:
        """Parses what came, unless it is a hold for which there is no room yet, or a page while holds wait."""
        if self.early:
            self.early += data
        elif self.hold is not None or self._is_busy():
            self._parse(data)
        elif self._at_boundary and data.startswith(b"GET "):
            gate = self._holds.gate
            if gate.is_crowded() and self._pages.knows(data) and not gate.admits_page(self):
                self._wait_with(data)
            else:
                self._show_or_begin(data)
        elif self._holds.gate.admits(self, data):
            self._begin_with(data)
        else:
            self._wait_with(data)

    def _wait_with(self, data: bytes) -> None:
        """Keeps what came, and reads nothing more, until the gate lets it in."""
        self.early = data
        self._request_in_progress = True
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        self.pause()

    def let_in(self) -> None:
        """Goes on with what came early."""
        data, self.early = self.early, b""
        self._request_in_progress = False
        self.read_on()
        if data.startswith(b"GET "):
            self._show_or_begin(data)
        else:
            self._begin_with(data)

    def _show_or_begin(self, data: bytes) -> None:
        """Shows a page that is known, and takes up everything else."""
        page = self._pages.answer(self, data)
        if page is None:
            self._begin_with(data)
        elif page:
            self._show(page)
        else:
            self._wait_with(data)

    def show_late(self, data: bytes, page: list[bytes] | None) -> None:
        """Shows the page that the request in the data has waited for; None: takes it up in the ordinary way."""
        early, self.early = self.early, b""
        if not early:  # its client is gone
            return
        self._request_in_progress = False
        self.read_on()
        if page is None or early != data:  # another request has come behind it
            self._begin_with(early)
        else:
            self._show(page)

    def refuse(self) -> bool:
        """Refuses what came early, without parsing it if it is as usual."""
        answer = self._holds.early_refusal(self, self.early)
        if answer is None:
            self.let_in()
            return False
        self.early = b""
        self.end(answer)
        return True

    def _is_busy(self) -> bool:
        waiter = self._waiter
        return waiter is None or waiter.done() or bool(self._messages) or self._payload_parser is not None

    def _begin_with(self, data: bytes) -> None:
        """Takes up what came while the connection was not busy; most of a drop is not even parsed by aiohttp."""
        can_take = self._at_boundary and not (self._upgraded or self._force_close or self._close)
        taken = self._holds.take_usual(self, data) if can_take else None
        if not taken:
            self._parse(data, was_offered=taken is not None)

    def _parse(self, data: bytes, *, was_offered: bool = False) -> None:
        """Parses as aiohttp does, and lets its task know of what is not taken. `was_offered`: as a hold, in vain."""
        waiter = self._waiter
        if self.hold is None and self._is_busy():
            self._feed(data)
            return
        # While there is no waiter, what comes is parsed and queued, with all bounds, but nobody is notified.
        self._waiter = None
        try:
            self._feed(data)
        finally:
            self._waiter = waiter
        if self.hold is not None:
            return  # pipelined: its turn comes when the hold is answered
        if len(self._messages) == 1 and not self._upgraded and not (self._force_close or self._close):
            message, payload = self._messages[0]
            if isinstance(message, RawRequestMessage):
                if not was_offered and self._holds.take(self, message, payload):
                    return
                if self._at_boundary and (page := self._pages.take(self, message, data)) is not None:
                    self._consume()
                    self._show(page)
                    return
        self._wake()

    def _feed(self, data: bytes) -> None:
        """Has aiohttp parse it, and notes whether that was one request, whole, and nothing else."""
        if not data:  # aiohttp has the parser go on with what it has, which at a boundary is nothing
            super().data_received(data)
            return
        at_boundary, queued = self._at_boundary, len(self._messages)
        self._at_boundary = False
        super().data_received(data)
        if at_boundary and len(self._messages) == queued + 1:
            message, payload = self._messages[-1]
            self._at_boundary = isinstance(message, RawRequestMessage) and _is_all(data, message, payload)

    def _show(self, page: list[bytes]) -> None:
        """Writes a page to a client that waits for nothing else."""
        transport = self.transport
        if self._manager is not None:
            self._manager.requests_count += 1
        if transport is not None and not transport.is_closing():
            for part in page:
                transport.write(part)
        self._stay_open()

    def is_writable(self) -> bool:
        """True if the client reads what it is sent, and its connection is to stay."""
        return not (self.writing_paused or self._close or self._force_close)

    def _consume(self) -> None:
        """The first request leaves the queue."""
        self._messages.popleft()
        if self._parser is not None:
            self._parser.message_consumed()

    def begin(self, hold: object) -> None:
        """The first request is this hold: it leaves the queue, and the connection is busy, also for a shutdown."""
        if self._messages:  # it was parsed
            self._consume()
        if self._manager is not None:  # as long as the connection is there
            self._manager.requests_count += 1
        self.hold = hold
        self._request_in_progress = True
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout

    def end(self, answer: bytes) -> None:
        """Writes the answer of the hold, and goes on with what came meanwhile."""
        self.hold = None
        self._request_in_progress = False
        transport = self.transport
        if transport is not None and not transport.is_closing():
            transport.write(answer)
        if self._handler_waiter is not None and not self._handler_waiter.done():
            self._handler_waiter.set_result(None)
        if self._close or self._force_close:
            if transport is not None:
                transport.close()
            return
        self._stay_open()
        self._wake()

    def _stay_open(self) -> None:
        """The connection waits for the next request."""
        self._keepalive = True
        close_time = self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._keepalive_handle is None and self._keepalive_timeout > 0:
            self._keepalive_handle = self._loop.call_at(close_time, self._process_keepalive)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Nobody waits for the hold any more. One that is under way in Redis is taken all the same."""
        self.hold = None
        self.early = b""
        self._request_in_progress = False
        super().connection_lost(exc)

    def pause(self) -> None:
        """Reads nothing from the client, so that it has to wait."""
        transport = self.transport
        if not self._held_back and transport is not None:
            self._held_back = True
            transport.pause_reading()

    def read_on(self) -> None:
        """Reads again, unless aiohttp wants a pause, too: then it does that when it can."""
        transport = self.transport
        if self._held_back and transport is not None and not self._buffer_paused:
            transport.resume_reading()
        self._held_back = False

    def read_on_later(self, partition: Partition, seconds: float) -> None:
        """Reads again as soon as there is room in the partition, at the latest after that many seconds."""
        self._look_for_room(partition, self._loop.time() + seconds)

    def _look_for_room(self, partition: Partition, until: float) -> None:
        if self.transport is None or partition.has_room() or self._loop.time() >= until:
            self.read_on()
        else:
            self._loop.call_later(0.05, self._look_for_room, partition, until)

    def _wake(self) -> None:
        waiter = self._waiter
        if self._messages and waiter is not None and not waiter.done():
            waiter.set_result(None)


def _is_all(data: bytes, message: RawRequestMessage, payload: Any) -> bool:
    """True if the data is that one request, whole, and nothing else."""
    head = data.find(b"\r\n\r\n") + 4
    if payload is EMPTY_PAYLOAD:
        return head == len(data)
    return not message.chunked and message.headers.get("Content-Length") == str(len(data) - head)


def is_proved() -> bool:
    """True if the tests have run with this version of aiohttp; if not, the log says so."""
    if aiohttp.__version__ in PROVED_VERSIONS:
        return True
    log.warning(
        "direct_requests_off",
        aiohttp=aiohttp.__version__,
        proved=sorted(PROVED_VERSIONS),
        remedy="holds and pages cost twice as much until the module is proved with this version",
    )
    return False
