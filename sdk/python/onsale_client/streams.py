"""Server-sent events (WHATWG HTML, 9.2.6)."""

import json
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any, NamedTuple


class StreamEvent(NamedTuple):
    """An event of a stream: its type, such as `snapshot`, its document, and its id."""

    type: str
    data: Any
    id: str


async def events_of(lines: AsyncIterable[bytes]) -> AsyncIterator[StreamEvent]:
    """The events of a connection, read line by line."""
    kind, event_id, data = "message", "", list[str]()
    async for line in lines:
        text = line.decode().rstrip("\r\n")
        if not text:
            if data:
                yield StreamEvent(kind, json.loads("\n".join(data)), event_id)
            kind, event_id, data = "message", "", []
            continue
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            kind = value
        elif name == "id":
            event_id = value
        elif name == "data":
            data.append(value)
