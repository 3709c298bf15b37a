"""The stream of an event's waiting room."""

from hashlib import blake2b
from typing import Self

import msgspec

from api.live.channel import Gone, server_sent_event
from api.queue.rooms import AGE_SECONDS, KnownRoom, Rooms

_JSON = msgspec.json.Encoder()


class QueueDocument:
    """A waiting room at one instant."""

    is_exact = True
    """Many states have the same place in the outbox; what they are is in the position, too."""

    def __init__(self, room: KnownRoom) -> None:
        self._view = room.view
        state = _JSON.encode(msgspec.structs.replace(room.view, as_of=""))
        self.position = f"{room.state.position}-{blake2b(state, digest_size=6).hexdigest()}"

    def opening(self, *, known: bool) -> bytes:
        """The shared document."""
        return b"" if known else server_sent_event("queue", self.position, _JSON.encode(self._view))

    def changes_since(self, before: Self) -> bytes:
        """The shared document, if more changed than its instant."""
        same = msgspec.structs.replace(before._view, as_of=self._view.as_of) == self._view
        return b"" if same else self.opening(known=False)


class QueueSource:
    """Reads the waiting room of an event."""

    interval_seconds = AGE_SECONDS

    def __init__(self, rooms: Rooms, event_id: int) -> None:
        self._rooms, self._event_id = rooms, event_id

    async def read(self) -> QueueDocument:
        """The room now. Raises Gone if the event has none any more, Fault if Redis is away."""
        room = await self._rooms.read(self._event_id)
        if room is None:
            raise Gone(f"waiting room of event {self._event_id}")
        return QueueDocument(room)
