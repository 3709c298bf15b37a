"""Channels: one polled document each, and the streams of all clients that watch it.

A channel reads its document once for all its streams, compares it with the one it sent last, and writes the difference,
encoded once. Polling survives trims, restarts, restores and failovers without a special case. Nothing is awaited per
client: a client that does not read is disconnected, and no other client waits for it.
"""

import asyncio
from typing import Generic, Protocol, Self, TypeVar

import structlog

from api.live.metrics import CloseReason, StreamMetrics
from api.live.stream import Stream
from engine.errors import Fault

log = structlog.get_logger(__name__)

SLICE = 250
"""Streams that are written to in one turn of the event loop."""

_RETRY_SECONDS = 0.5
_LINGER_SECONDS = 5.0
"""The time for which a channel without streams is still read, for clients that reconnect."""


class Gone(Exception):
    """The document does not exist for the public any more."""


class Document(Protocol):
    """One state of what a channel shows."""

    @property
    def position(self) -> str:
        """The `id:` of its events: the partition's outbox position before it was read, and what that does not tell."""

    @property
    def is_exact(self) -> bool:
        """True if no other state of the document can have this position."""

    def opening(self, *, known: bool) -> bytes:
        """The events with which a stream begins; `known`: the client has this state already."""

    def changes_since(self, before: Self) -> bytes:
        """The events that lead a client from `before` to this state; empty if nothing changed."""


D = TypeVar("D", bound=Document)
Read = TypeVar("Read", bound=Document, covariant=True)


class Source(Protocol[Read]):
    """Reads the document of a channel."""

    @property
    def interval_seconds(self) -> float:
        """Pause between two readings."""

    async def read(self) -> Read:
        """The document as it is now. Raises Gone, or Fault if it cannot be read now."""


class Channel(Generic[D]):
    """One document and the streams that watch it. `run` must be running while it is used."""

    def __init__(self, source: Source[D], metrics: StreamMetrics) -> None:
        self._source, self._metrics = source, metrics
        self._streams: dict[Stream, None] = {}
        self._document: D | None = None
        self._loop = asyncio.get_running_loop()
        self._first: asyncio.Future[None] | None = None
        self._wanted_at = self._loop.time()
        self._was_away = False

    @property
    def streams(self) -> list[Stream]:
        """The streams that watch it."""
        return list(self._streams)

    async def wait_until_ready(self, timeout_seconds: float) -> None:
        """Wait for the first document. Raises Gone, Fault, or TimeoutError."""
        self._wanted_at = self._loop.time()
        if self._document is None:
            if self._first is None:
                self._first = self._loop.create_future()
            async with asyncio.timeout(timeout_seconds):
                await asyncio.shield(self._first)

    def add(self, stream: Stream, last_event_id: str | None) -> None:
        """Begin a stream: with a snapshot, unless the client's last event led to exactly this state."""
        if self._document is None:
            raise RuntimeError("wait_until_ready comes first")
        known = self._document.is_exact and self._document.position == last_event_id
        self._streams[stream] = None
        self._metrics.wrote(stream.write(self._document.opening(known=known)))

    def remove(self, stream: Stream) -> None:
        """Forget a stream that has ended."""
        self._streams.pop(stream, None)

    async def run(self) -> None:
        """Read and send, until nobody has watched for a while or the document is gone."""
        pause = 0.0
        while self._streams or self._loop.time() - self._wanted_at < _LINGER_SECONDS:
            await asyncio.sleep(pause)
            began = self._loop.time()
            pause = _RETRY_SECONDS
            try:
                await self.read_once()
            except Gone as gone:
                self._tell_first(gone)
                for stream in self.streams:
                    stream.close(CloseReason.GONE)
                return
            except Fault as fault:
                # Streams stay open: heartbeats go on, and the next reading tells the truth.
                self._tell_first(fault)
                self._was_away = True
                continue
            pause = max(0.0, began + self._source.interval_seconds - self._loop.time())

    async def read_once(self) -> None:
        """Read the document, make it the current one, and send what it changes. Raises as Source.read."""
        began = self._loop.time()
        document = await self._source.read()
        before, self._document = self._document, document
        self._tell_first(None)
        if before is None:
            return
        changes = document.opening(known=False) if self._was_away else document.changes_since(before)
        self._was_away = False
        if not changes:
            return
        for number, stream in enumerate(self.streams, 1):
            self._metrics.wrote(stream.write(changes))
            if number % SLICE == 0:
                await asyncio.sleep(0)
        self._metrics.sent(self._loop.time() - began)

    def _tell_first(self, error: Exception | None) -> None:
        """Wake all that wait for the first document."""
        first, self._first = self._first, None
        if first is None:
            return
        if error is None:
            first.set_result(None)
        else:
            first.set_exception(error)
            first.exception()  # it may be that nobody waits any more


def server_sent_event(kind: str, position: str, data: bytes) -> bytes:
    """One event as `text/event-stream` has it; `data` is JSON, so it has no line breaks."""
    return b"event: %b\nid: %b\ndata: %b\n\n" % (kind.encode(), position.encode(), data)
