"""The catalogue in memory: each process follows what is published, change by change."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from secrets import token_hex
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web

from api.catalogue.seating import Seating
from engine.catalogue import (
    EventSnapshot,
    forget_reader,
    late_readers,
    published_changes,
    published_venues,
    read_venue,
    tell_position,
)
from engine.client import Redis
from engine.errors import EngineBug, Fault, OutcomeUnknown, Overloaded
from engine.seats import VenueSnapshot
from engine.settings import Settings
from sync.catalogue.stored import StoredCatalogue
from sync.postgres import PostgresAway

log = structlog.get_logger(__name__)

_BETWEEN_READINGS_SECONDS = 0.005
"""A crowd that asks for ids that nobody knows makes at most 200 calls a second."""

_EVERYWHERE_SECONDS = 1.0
"""The longest time that a change waits for a process that does not follow, because it was killed or is stopped."""

_LOOK_SECONDS = 0.005


Stored = Callable[[], StoredCatalogue | None]
"""The catalogue in Postgres; None while Postgres is not connected to."""


class CatalogueCache:
    """All published events. An async context manager: within it, one task reads what changed.

    It reads every `catalogue_age_ms`, and at once for an id that is not known; nobody waits for an event that is known.
    However late the event loop is, and while Redis is away, it goes on telling what it knows.

    When a process starts, the part of a cluster that has the catalogue may be away while others sell. Then it is read
    from Postgres (`stored`, once that is there), until Redis tells it.

    `refresh_everywhere` is for who changed something: when it returns, every process of the API knows the change.
    """

    def __init__(self, redis: Redis, settings: Settings, stored: Stored = lambda: None) -> None:
        self._redis, self._stored = redis, stored
        self._interval = settings.catalogue_age_ms / 1000
        self._timeout_seconds = settings.command_timeout_ms / 1000
        self._reader = token_hex(8)
        self._events: dict[int, EventSnapshot] = {}
        self._in_order: list[EventSnapshot] | None = None
        self.event_by_ticket: dict[int, EventSnapshot] = {}
        """The event of each ticket that is known, for who must not wait."""
        self.with_minimum: set[int] = set()
        """The events with a ticket that is sold in more than one place at a time."""
        self.change = 0
        """The number of the last change that was read; what is made of the catalogue is as good as long as it stays."""
        self._venue_ids: list[int] | None = None
        self._seatings: dict[int, Seating] = {}
        self._readings: dict[int, asyncio.Task[Seating | None]] = {}
        self._wanted = asyncio.Event()
        self._next: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting, self._most_waiting = 0, settings.queue_commands
        self._away = False
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._following = self._tasks.create_task(self._follow(), name="catalogue")
        with suppress(Fault):  # it is logged; requests wait for it
            await self.refresh()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._following.cancel()
        await self._tasks.__aexit__(None, None, None)
        if not self._next.done():
            self._next.set_exception(OutcomeUnknown("the server is stopping; try again"))
            self._next.exception()  # waiting callers get it; there need be none
        try:
            await forget_reader(self._redis, self._reader)
        except Exception as trouble:  # the next change removes it
            log.info("reader_of_the_catalogue_not_forgotten", error=repr(trouble))

    async def events(self) -> list[EventSnapshot]:
        """All events, by start and id. Raises Fault if none was read yet and Redis is away."""
        if self._venue_ids is None:
            await self.refresh()
        if self._in_order is None:
            self._in_order = sorted(self._events.values(), key=lambda event: (event.starts_ms, event.event_id))
        return self._in_order

    async def event(self, event_id: int) -> EventSnapshot | None:
        """The event of that id, or None. Raises Fault if it is not known and Redis is away, or too many wait."""
        event = self._events.get(event_id)
        if event is None:
            await self.refresh()
            event = self._events.get(event_id)
        return event

    def known_event(self, event_id: int) -> EventSnapshot | None:
        """The event of that id, if it is known already."""
        return self._events.get(event_id)

    async def event_of_ticket(self, ticket_id: int) -> EventSnapshot | None:
        """The event that offers the ticket, or None. Raises as `event`."""
        event = self.event_by_ticket.get(ticket_id)
        if event is None:
            await self.refresh()
            event = self.event_by_ticket.get(ticket_id)
        return event

    async def seating(self, event: EventSnapshot) -> Seating | None:
        """The seats of the event's venue; None if it has none. Raises Fault if Redis is away and it is asked first."""
        if event.venue_id is None:
            return None
        seating = await self.venue(event.venue_id)
        if seating is None:
            raise EngineBug(f"event {event.event_id} is on sale in venue {event.venue_id}, which is not published")
        return seating

    def known_seating(self, event: EventSnapshot) -> Seating | None:
        """The seats of the event's venue, if they are known already."""
        return None if event.venue_id is None else self._seatings.get(event.venue_id)

    async def venue(self, venue_id: int) -> Seating | None:
        """The venue of that id with its seats, or None. Raises Fault if Redis is away and it is asked first."""
        seating = self._seatings.get(venue_id)
        if seating is not None:
            return seating
        if venue_id not in await self.venue_ids():
            await self.refresh()
            if venue_id not in await self.venue_ids():
                return None
        # A crowd that comes first reads it once: a large venue takes ms to decode, and each of them would.
        reading = self._readings.get(venue_id)
        if reading is None:
            reading = self._readings[venue_id] = asyncio.ensure_future(self._read_seating(venue_id))
        return await asyncio.shield(reading)

    async def _read_seating(self, venue_id: int) -> Seating | None:
        try:
            venue = await self._venue(venue_id)
            seating = None if venue is None else Seating(venue)
            if seating is not None and self._readings.get(venue_id) is asyncio.current_task():  # else it has changed
                self._seatings[venue_id] = seating
            return seating
        finally:
            if self._readings.get(venue_id) is asyncio.current_task():
                del self._readings[venue_id]

    async def _venue(self, venue_id: int) -> VenueSnapshot | None:
        try:
            return await read_venue(self._redis, venue_id)
        except Fault:
            stored = self._stored() if self._redis.is_cluster else None
            if stored is None:
                raise
            return await stored.venue(venue_id)

    async def venue_ids(self) -> list[int]:
        """The ids of all venues, in ascending order. Raises Fault if none is known yet and Redis is away."""
        if self._venue_ids is None:
            await self.refresh()
        return self._venue_ids or []

    async def refresh(self) -> None:
        """Waits for what changed until now. Raises Fault if Redis is away, or if too many wait for it already."""
        with self._one_more():
            self._wanted.set()
            try:
                async with asyncio.timeout(self._timeout_seconds):
                    await asyncio.shield(self._next)
            except TimeoutError as error:
                raise _away() from error

    async def refresh_everywhere(self) -> None:
        """Waits until every process of the API knows what changed until now. Raises Fault if Redis is away.

        A process that does not follow within a second is no longer waited for until it does.
        """
        await self.refresh()
        change, patience_ends = self.change, time.monotonic() + _EVERYWHERE_SECONDS
        while late := await late_readers(self._redis, change):
            if time.monotonic() > patience_ends:
                log.warning("readers_of_the_catalogue_are_late", readers=len(late))
                await forget_reader(self._redis, *late)
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _follow(self) -> None:
        """Reads what changed, forever: at once if somebody waits for it, else after a while."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                async with asyncio.timeout(self._interval):
                    await self._wanted.wait()
            except TimeoutError:
                pass  # the usual way
            self._wanted.clear()
            asked, self._next = self._next, loop.create_future()
            try:
                await self._read()
            except Exception as error:  # whatever it is, the next reading may be better; requests get to know
                self._note_away(error)
                if isinstance(error, Fault) and await self._read_stored():
                    asked.set_result(None)
                    continue
                asked.set_exception(_away() if isinstance(error, Fault) else EngineBug(f"the catalogue: {error}"))
                asked.exception()  # waiting callers get it; there need be none
                await asyncio.sleep(self._interval)
            else:
                self._away = False
                asked.set_result(None)
                await asyncio.sleep(_BETWEEN_READINGS_SECONDS)

    async def _read(self) -> None:
        changes = await published_changes(self._redis, self.change)
        if changes.last == self.change and self._venue_ids is not None:
            return
        if changes.venue_ids or self._venue_ids is None:
            self._venue_ids = await published_venues(self._redis)
            for venue_id in changes.venue_ids:
                self._seatings.pop(venue_id, None)
                self._readings.pop(venue_id, None)
        self._learn(changes.events)
        self.change = changes.last
        await tell_position(self._redis, self._reader, self.change)

    def _learn(self, events: Mapping[int, EventSnapshot | None]) -> None:
        for event_id, event in events.items():
            before = self._events.pop(event_id, None)
            for ticket in before.tickets if before else ():
                self.event_by_ticket.pop(ticket.ticket_id, None)
            self.with_minimum.discard(event_id)
            if event is not None:
                self._events[event_id] = event
                if any(ticket.min_quantity > 1 for ticket in event.tickets):
                    self.with_minimum.add(event_id)
                self.event_by_ticket |= dict.fromkeys(event.ticket_by_id, event)
        self._in_order = None

    async def _read_stored(self) -> bool:
        """Reads the catalogue from Postgres, if nothing is known of it; true if it did.

        Change number 0 stays, so Redis tells all of it again when it is back.
        """
        stored = self._stored() if self._redis.is_cluster and self._venue_ids is None else None
        if stored is None:
            return False
        with suppress(PostgresAway):
            self._learn({event.event_id: event for event in await stored.events()})
            self._venue_ids = await stored.venue_ids()
            log.warning("catalogue_from_postgres", events=len(self._events))
        return self._venue_ids is not None

    def _note_away(self, error: Exception) -> None:
        """Logs the first of several failures."""
        if not self._away:
            log.warning("catalogue_not_read", error=repr(error), known_events=len(self._events))
        self._away = True

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        """Counts one more waiter. Raises Overloaded if the most that may wait do."""
        if self._waiting >= self._most_waiting:
            raise Overloaded("too many requests wait for the catalogue; nothing was done; try again later")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1


def _away() -> OutcomeUnknown:
    return OutcomeUnknown("the catalogue cannot be read; try again")


CATALOGUE: web.AppKey["CatalogueCache"] = web.AppKey("catalogue")
