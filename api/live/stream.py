"""A stream: one client's connection, which is only written to."""

import asyncio
from collections.abc import Callable
from typing import cast

from api.live.metrics import CloseReason

UNREAD_BYTES = 64 * 1024
"""A client that leaves more than this unread is disconnected."""

OnClosed = Callable[["Stream", CloseReason], None]
"""Called once, when the connection has ended."""


class Stream(asyncio.Protocol):
    """The protocol of a connection once its request has been answered with a stream.

    It replaces aiohttp's: ten thousand idle streams then cost neither a task nor a parser each.
    """

    __slots__ = ("_on_closed", "_reason", "_transport", "ends_at")

    def __init__(self, transport: asyncio.Transport, ends_at: float, on_closed: OnClosed) -> None:
        self._transport, self.ends_at, self._on_closed = transport, ends_at, on_closed
        self._reason = CloseReason.CLIENT

    def write(self, data: bytes) -> int:
        """Send bytes without waiting. Returns how many; 0 if the connection is closing.

        Disconnects a client that has more than UNREAD_BYTES unread, besides these.
        """
        transport = self._transport
        if transport.is_closing():
            return 0
        if transport.get_write_buffer_size() > UNREAD_BYTES:
            self._reason = CloseReason.SLOW
            transport.abort()
            return 0
        transport.write(data)
        return len(data)

    def close(self, reason: CloseReason) -> None:
        """End the connection after what was written."""
        if not self._transport.is_closing():
            self._reason = reason
            self._transport.close()

    def abort(self) -> None:
        """End the connection now, with whatever is unread."""
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the owner."""
        self._on_closed(self, self._reason)


def take_over(transport: asyncio.BaseTransport | None) -> asyncio.Transport:
    """The transport of a request. Raises ConnectionError if the client is gone."""
    if transport is None or transport.is_closing():
        raise ConnectionResetError("the client is gone")
    return cast("asyncio.Transport", transport)
