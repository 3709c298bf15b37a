"""The stream of the seats of one section."""

from typing import Self
from zlib import crc32

import msgspec

from api.catalogue.cache import CatalogueCache
from api.catalogue.seats import SEAT_STATES, compact_view, public_text
from api.http.times import rfc3339
from api.live.channel import Gone, server_sent_event
from engine.commands.seats import ReadSeatMap
from engine.engine import Engine
from engine.results.seats import SeatMap
from engine.seats import SeatPlaces, section_pool

_JSON = msgspec.json.Encoder()
_INTERVAL_SECONDS = 0.2


class SeatChange(msgspec.Struct, frozen=True):
    """Data of a `change` event: pairs of a seat's id and the id of its status."""

    as_of: str
    seats: list[tuple[int, int]]


class SeatsDocument:
    """The seats of a section at one instant."""

    def __init__(self, places: SeatPlaces, seats: SeatMap) -> None:
        self._places, self._now_ms = places, seats.now_ms
        self._text = public_text(seats.text)
        # Seats are blocked and unblocked without a fact of the outbox.
        self.position = f"{seats.position}-{crc32(self._text.encode()):08x}"
        self.is_exact = seats.exact

    def opening(self, *, known: bool) -> bytes:
        """A `snapshot`, unless it is known."""
        if known:
            return b""
        view = compact_view(self._places, self._text, self._now_ms)
        return server_sent_event("snapshot", self.position, _JSON.encode(view))

    def changes_since(self, before: Self) -> bytes:
        """A `change`, if a seat changed."""
        if before._text == self._text:
            return b""
        changed: list[tuple[int, int]] = []
        old, new = before._text.split("\n"), self._text.split("\n")
        for row, was, now in zip(self._places.section.rows, old, new, strict=True):
            if was != now:
                changed += [
                    (row.first_seat_id + offset, SEAT_STATES[character].id)
                    for offset, (other, character) in enumerate(zip(was, now, strict=True))
                    if other != character
                ]
        return server_sent_event("change", self.position, _JSON.encode(SeatChange(rfc3339(self._now_ms), changed)))


class SeatsSource:
    """Reads the seats of a section of an event; of a draft only for those who manage it (`drafts`)."""

    interval_seconds = _INTERVAL_SECONDS

    def __init__(
        self, engine: Engine, catalogue: CatalogueCache, event_id: int, places: SeatPlaces, *, drafts: bool = False
    ) -> None:
        self._engine, self._catalogue, self._event_id = engine, catalogue, event_id
        self._places, self._drafts = places, drafts

    async def read(self) -> SeatsDocument:
        """The seats now. Raises Gone if the public may not see them any more, Fault if Redis is away."""
        pool, event = section_pool(self._places.section.section_id), await self._catalogue.event(self._event_id)
        if event is None or (event.status == "draft" and not self._drafts):
            raise Gone(f"event {self._event_id}")
        seats = await self._engine.submit(ReadSeatMap(self._event_id, pool))
        if not isinstance(seats, SeatMap):
            raise Gone(f"section {self._places.section.section_id} of event {self._event_id}")
        return SeatsDocument(self._places, seats)
