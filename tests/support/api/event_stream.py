"""A client of server-sent events, as a browser's EventSource reads them."""

import asyncio
import json
from types import TracebackType
from typing import Any, NamedTuple, Self

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

_TIMEOUT_SECONDS = 10


class StreamEvent(NamedTuple):
    """One event of a stream."""

    kind: str
    position: str
    data: Any


class EventStream:
    """An open stream. An async context manager."""

    def __init__(self, client: "TestClient[Any, Any]", path: str, *, last_event_id: str | None = None) -> None:
        self._client, self._path = client, path
        self._headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}
        self.comments = 0
        self.response: ClientResponse

    async def __aenter__(self) -> Self:
        self.response = await self._client.get(self._path, headers=self._headers)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.response.close()

    async def next(self) -> StreamEvent | None:
        """The next event; None at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            while line := await self.response.content.readline():
                text = line.decode().rstrip("\n")
                if text.startswith(":"):
                    self.comments += 1
                elif text:
                    name, _, value = text.partition(": ")
                    fields[name] = value
                elif "data" in fields:
                    return StreamEvent(fields["event"], fields["id"], json.loads(fields["data"]))
        return None

    async def next_of(self, kind: str) -> StreamEvent:
        """The next event of a kind; others are passed over."""
        while event := await self.next():
            if event.kind == kind:
                return event
        raise AssertionError(f"the stream ended before a {kind}")

    async def heartbeat(self) -> None:
        """Wait for the next comment."""
        seen = self.comments
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            while self.comments == seen:
                line = await self.response.content.readline()
                assert line, "the stream ended"
                self.comments += line.startswith(b":")
