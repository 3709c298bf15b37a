"""The stream of an event's counts and of its sale."""

from typing import Self

import msgspec

from api.catalogue.cache import CatalogueCache
from api.catalogue.schemas import Availability, TicketAvailability
from api.catalogue.views import EventCounts, availability_view
from api.http.times import rfc3339
from api.live.channel import Gone, server_sent_event
from engine.catalogue import EventSnapshot
from engine.commands.events import Count
from engine.engine import Engine
from engine.results.events import Counts

_JSON = msgspec.json.Encoder()


class Sale(msgspec.Struct, frozen=True):
    """Data of a `sale` event: the state of the sale, and the server's time to count down by."""

    status: str
    sale_opens_at: str | None
    sale_closes_at: str | None
    server_time: str


class AvailabilityChange(msgspec.Struct, frozen=True):
    """Data of a `change` event: the tickets whose counts changed."""

    as_of: str
    next_return_at: str | None
    tickets: list[TicketAvailability]


class AvailabilityDocument:
    """The counts and the sale of an event at one instant."""

    def __init__(self, event: EventSnapshot, counts: Counts, *, hidden: bool) -> None:
        self._event = event
        self._view: Availability = availability_view(event, EventCounts.of(counts), hidden=hidden)
        self._now_ms = counts.now_ms
        # What managers change of an event is no fact of the outbox; its version tells.
        self.position, self.is_exact = f"{counts.position}-{event.version}", counts.exact

    def opening(self, *, known: bool) -> bytes:
        """A `snapshot`, unless it is known, and the `sale`."""
        return (b"" if known else self._snapshot()) + self._sale_event()

    def changes_since(self, before: Self) -> bytes:
        """A `change`; where the event itself was edited, then a `snapshot`; a `sale` if that changed.

        An edit may take tickets away and always makes a new `version`, which a `change` does not tell.
        """
        parts = []
        known = {ticket.ticket_id: ticket for ticket in before._view.tickets}
        changed = [ticket for ticket in self._view.tickets if known.get(ticket.ticket_id) != ticket]
        if changed or before._view.next_return_at != self._view.next_return_at:
            change = AvailabilityChange(self._view.as_of, self._view.next_return_at, changed)
            parts.append(server_sent_event("change", self.position, _JSON.encode(change)))
        if before._event.version != self._event.version:
            parts.append(self._snapshot())
        if before._sale_state() != self._sale_state():
            parts.append(self._sale_event())
        return b"".join(parts)

    def _snapshot(self) -> bytes:
        return server_sent_event("snapshot", self.position, _JSON.encode(self._view))

    def _sale_state(self) -> tuple[str, int | None, int | None]:
        return self._event.status, self._event.sale_opens_ms, self._event.sale_closes_ms

    def _sale_event(self) -> bytes:
        status, opens_ms, closes_ms = self._sale_state()
        sale = Sale(
            status,
            None if opens_ms is None else rfc3339(opens_ms),
            None if closes_ms is None else rfc3339(closes_ms),
            rfc3339(self._now_ms),
        )
        return server_sent_event("sale", self.position, _JSON.encode(sale))


class AvailabilitySource:
    """Reads the counts of an event; drafts and hidden tickets only for those who manage it (`drafts`)."""

    def __init__(self, engine: Engine, catalogue: CatalogueCache, event_id: int, *, drafts: bool = False) -> None:
        self._engine, self._catalogue, self._event_id, self._drafts = engine, catalogue, event_id, drafts
        self.interval_seconds = engine.settings.availability_age_ms / 1000

    async def read(self) -> AvailabilityDocument:
        """The counts now. Raises Gone if the event is not public, Fault if Redis is away."""
        event = await self._catalogue.event(self._event_id)
        result = await self._engine.submit(Count(self._event_id))
        if event is None or (event.status == "draft" and not self._drafts) or not isinstance(result, Counts):
            raise Gone(f"event {self._event_id}")
        return AvailabilityDocument(event, result, hidden=self._drafts)
