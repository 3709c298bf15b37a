"""The catalogue in memory: each process follows what is published, change by change."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from api.seating import Seating
from engine.batches import TROUBLE
from engine.catalogue import EventSnapshot, changed_events, published_venues, read_venue
from engine.client import Redis
from engine.faults import EngineBug, OutcomeUnknown, Overloaded
from engine.settings import Settings

_EARLY = 0.75
"""The share of its greatest age at which the catalogue is read again."""


class Catalogue:
    """All published events, in two ways.

    For who shows an event, it tells what is true now: a change is seen on every process as soon as it was answered on
    one. However many ask at once, Redis is asked once.

    For the crowd (`event`, `event_of_ticket`) it tells what was true at most `catalogue_age_ms` ago, and looks an
    unknown id up at once. While Redis is away this goes on telling what it knows; before it knows anything it raises
    Fault. While Redis is slow, no more than `queue_commands` wait for it: who comes then is refused with Overloaded.
    """

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self._redis = redis
        self._max_age = settings.catalogue_age_ms / 1000
        self._early_age = self._max_age * _EARLY
        self._timeout = settings.command_timeout_ms / 1000
        self._events: dict[int, EventSnapshot] = {}
        self._event_of_ticket: dict[int, EventSnapshot] = {}
        self._seatings: dict[int, Seating] = {}
        self._change = 0
        self._read_at = float("-inf")
        self._failed_from = self._failed_until = float("-inf")
        self._lock = asyncio.Lock()
        self._reading: asyncio.Future[None] | None = None
        self._waiting, self._most_waiting = 0, settings.queue_commands

    async def events(self) -> list[EventSnapshot]:
        """All events, by start and id, as they are now. Raises Fault if Redis is away."""
        await self.refresh()
        return sorted(self._events.values(), key=lambda event: (event.starts_ms, event.event_id))

    async def event_now(self, event_id: int) -> EventSnapshot | None:
        """The event of that id as it is now, or None. Raises Fault if Redis is away."""
        await self.refresh()
        return self._events.get(event_id)

    async def event_of_ticket_now(self, ticket_id: int) -> EventSnapshot | None:
        """The event that offers the ticket, as it is now, or None. Raises Fault if Redis is away."""
        await self.refresh()
        return self._event_of_ticket.get(ticket_id)

    async def event(self, event_id: int) -> EventSnapshot | None:
        """The event of that id, or None."""
        await self._follow()
        if event_id not in self._events:
            await self.refresh()
        return self._events.get(event_id)

    async def event_of_ticket(self, ticket_id: int) -> EventSnapshot | None:
        """The event that offers the ticket, or None."""
        await self._follow()
        if ticket_id not in self._event_of_ticket:
            await self.refresh()
        return self._event_of_ticket.get(ticket_id)

    def known_event_of_ticket(self, ticket_id: int) -> EventSnapshot | None:
        """The event that offers the ticket, however long ago that was heard."""
        return self._event_of_ticket.get(ticket_id)

    def recent_event_of_ticket(self, ticket_id: int) -> EventSnapshot | None:
        """What `event_of_ticket` tells, where it need not wait for anything; else None."""
        return self._event_of_ticket.get(ticket_id) if self._is_recent() else None

    async def seating(self, event: EventSnapshot) -> Seating | None:
        """The seats of the event's venue; None if it has none. Raises Fault if Redis is away and it is asked first."""
        if event.venue_id is None:
            return None
        seating = self._seatings.get(event.venue_id) or await self.venue(event.venue_id)
        if seating is None:
            raise EngineBug(f"event {event.event_id} is on sale in venue {event.venue_id}, which is not published")
        return seating

    async def venue(self, venue_id: int) -> Seating | None:
        """The venue of that id with its seats, or None. Raises Fault if Redis is away and it is asked first."""
        seating = self._seatings.get(venue_id)
        if seating is None:
            try:
                async with asyncio.timeout(self._timeout):
                    venue = await read_venue(self._redis, venue_id)
            except TROUBLE as error:
                raise _away() from error
            if venue is not None:
                seating = self._seatings[venue_id] = Seating(venue)
        return seating

    async def venue_ids(self) -> list[int]:
        """The ids of all venues, in ascending order. Raises Fault if Redis is away."""
        try:
            async with asyncio.timeout(self._timeout):
                return await published_venues(self._redis)
        except TROUBLE as error:
            raise _away() from error

    async def refresh(self) -> None:
        """Reads what changed, now. Raises Fault if Redis is away, or if too many wait for it already."""
        asked_at = time.monotonic()
        with self._one_more():
            await self._read(asked_at)

    async def _read(self, asked_at: float) -> None:
        async with self._lock:
            if self._read_at >= asked_at:
                return
            if self._failed_from >= asked_at:
                raise _away()
            began = time.monotonic()
            reading = self._reading = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(self._timeout):
                    self._change, changed = await changed_events(self._redis, self._change)
            except TROUBLE as error:
                self._failed_from, self._failed_until = began, time.monotonic()
                raise _away() from error
            finally:
                self._reading = None
                reading.set_result(None)
            for event in changed:
                self._events[event.event_id] = event
                for ticket in event.tickets:
                    self._event_of_ticket[ticket.ticket_id] = event
            self._read_at = began

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        """Counts who waits. Raises Overloaded if as many do as may."""
        if self._waiting >= self._most_waiting:
            raise Overloaded("too many wait for the catalogue; nothing was done; try again later")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _is_recent(self) -> bool:
        """Whether the catalogue need not be read for the crowd.

        Shortly before it is too old one request reads it, and the others go on meanwhile: where all had to wait for it,
        they would stand in line ten times a second.
        """
        age = time.monotonic() - self._read_at
        return age < self._early_age or (age < self._max_age and self._lock.locked())

    async def _follow(self) -> None:
        if self._reading is not None and not self._is_recent():
            # All at once when it is read: through the lock they would come one by one, each after a turn of the loop.
            with self._one_more():
                await asyncio.shield(self._reading)
        if self._is_recent():
            return
        try:
            if time.monotonic() - self._failed_until < self._max_age:
                raise _away()
            await self.refresh()
        except OutcomeUnknown:
            if not self._events:
                raise


def _away() -> OutcomeUnknown:
    return OutcomeUnknown("the catalogue cannot be read; try again")
