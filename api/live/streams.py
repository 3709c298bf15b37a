"""All streams of a process: its channels, their number, their heartbeats and their end."""

import asyncio
import random
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from api.http.problems import Code, Problem
from api.http.replies import Reply
from api.live.channel import SLICE, Channel, Source
from api.live.metrics import CloseReason, StreamMetrics
from api.live.stream import Stream, take_over
from engine.settings import Settings

_HEARTBEAT = b": \n\n"
_LIFE_SECONDS = (300.0, 600.0)
"""A stream lives for a time between these, so that clients spread over processes after a deployment."""

_RECONNECT_MS = (1_000, 4_000)
"""The shortest and longest wait that clients get before they connect again."""

_HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would collect events before it passes them on
    "Connection": "close",
}


ChannelKey = tuple[object, ...]
"""The kind of a channel and the ids of what it shows."""


class Streams:
    """The streams of a process. An async context manager: within it, streams can be opened."""

    def __init__(self, settings: Settings, metrics: StreamMetrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._channels: dict[ChannelKey, Channel[Any]] = {}
        self._open: dict[Stream, Channel[Any]] = {}
        self._tasks = asyncio.TaskGroup()
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._start(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close_all()
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(None, None, None)

    @property
    def count(self) -> int:
        """The number of open streams."""
        return len(self._open)

    def close_all(self) -> None:
        """End all streams; clients connect again elsewhere. No new ones begin."""
        self._stopping = True
        for stream in list(self._open):
            stream.close(CloseReason.SHUTDOWN)

    async def open(self, request: web.Request, key: ChannelKey, make_source: Callable[[], Source[Any]]) -> Reply:
        """The answer that turns the request's connection into a stream of the channel with this key.

        `make_source` makes the source of a channel that nobody watches yet. Raises Gone, Fault, TimeoutError, or
        Problem unavailable if the process has as many streams as it may.
        """
        if not self._settings.streams:
            self._metrics.refused()
            detail = "Other processes of this installation serve streams; route this path to `onsale streams`."
            raise Problem(Code.UNAVAILABLE, detail, headers={"Retry-After": "5"})
        if self._stopping or len(self._open) >= self._settings.max_streams:
            self._metrics.refused()
            detail = "This server has reached its limit of streams; connect again later, or poll the same data."
            raise Problem(Code.UNAVAILABLE, detail, headers={"Retry-After": "5"})
        channel = self._channels.get(key)
        if channel is None:
            channel = self._channels[key] = Channel(make_source(), self._metrics)
            self._start(self._run(key, channel))
        await channel.wait_until_ready(self._settings.command_timeout_ms / 1000)
        return _StreamReply(self, channel, request.headers.get("Last-Event-ID"))

    def begin(self, request: web.Request, channel: Channel[Any], head: bytes, last_event_id: str | None) -> None:
        """Answer with the head of a stream, and take the connection over from aiohttp."""
        handler = request.protocol
        transport = take_over(request.transport)
        ends_at = asyncio.get_running_loop().time() + random.uniform(*_LIFE_SECONDS)  # noqa: S311  # jitter, no secret
        stream = Stream(transport, ends_at, self._ended)
        transport.set_protocol(stream)
        # For aiohttp the connection has ended, so that its task and its parser go; it must not close the transport.
        handler.transport = None
        handler.connection_lost(None)
        self._open[stream] = channel
        self._metrics.opened()
        self._metrics.wrote(stream.write(head))
        channel.add(stream, last_event_id)

    def _ended(self, stream: Stream, reason: CloseReason) -> None:
        self._open.pop(stream).remove(stream)
        self._metrics.closed(reason)

    def _start(self, work: Any) -> None:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self, key: ChannelKey, channel: Channel[Any]) -> None:
        try:
            await channel.run()
        finally:
            del self._channels[key]

    async def _beat(self) -> None:
        """Send a comment to each stream again and again, and end those that have lived for their time."""
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._settings.stream_heartbeat_ms / 1000)
            for number, stream in enumerate(list(self._open), 1):
                if stream.ends_at < clock():
                    stream.close(CloseReason.AGE)
                else:
                    self._metrics.wrote(stream.write(_HEARTBEAT))
                if number % SLICE == 0:
                    await asyncio.sleep(0)


class _StreamReply(Reply):
    """The answer of a stream's request. Once it is prepared, its connection no longer belongs to aiohttp."""

    __slots__ = ("_channel", "_last_event_id", "_streams")

    keep_alive = False

    def __init__(self, streams: Streams, channel: Channel[Any], last_event_id: str | None) -> None:
        super().__init__(b"", dict(_HEADERS))
        self._streams, self._channel, self._last_event_id = streams, channel, last_event_id

    def in_full(self) -> Any:
        """The answer itself, which suits every client."""
        return self

    async def prepare(self, request: web.Request) -> None:
        """Begin the stream; HEAD gets the head alone. Raises ConnectionError if the client is gone."""
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers.items()])
        head = f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode()
        if request.method == "HEAD":
            await request.writer.write_eof(head)
            return
        retry = f"retry: {random.randint(*_RECONNECT_MS)}\n\n"  # noqa: S311  # jitter, no secret
        self._streams.begin(request, self._channel, head + retry.encode(), self._last_event_id)


STREAMS = web.AppKey("streams", Streams)
