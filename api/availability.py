"""Counts of tickets: exact, or at most `availability_age_ms` old for what a crowd reads."""

import asyncio
import time
from typing import NamedTuple

from engine.commands import Count
from engine.engine import Engine
from engine.records import TicketCounts
from engine.results import Counts
from engine.settings import Settings


class EventCounts(NamedTuple):
    """The counts of an event's tickets at one instant of Redis' clock."""

    now_ms: int
    tickets: dict[int, TicketCounts]


class Availability:
    """Reads counts. However many ask for the recent ones, Redis is asked ten times a second per event and process."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._max_age = settings.availability_age_ms / 1000
        self._recent: dict[int, tuple[float, asyncio.Future[EventCounts]]] = {}

    async def exact(self, event_id: int) -> EventCounts:
        """The counts as they are now. Of an event that is not published: none. Raises Fault."""
        result = await self._engine.submit(Count(event_id))
        if isinstance(result, Counts):
            return EventCounts(result.now_ms, {counts.ticket_id: counts for counts in result.tickets})
        return EventCounts(0, {})

    async def recent(self, event_id: int) -> EventCounts:
        """The counts as they were at most `availability_age_ms` ago. Raises Fault."""
        now = time.monotonic()
        known = self._recent.get(event_id)
        if known is not None and now - known[0] < self._max_age:
            return await asyncio.shield(known[1])
        answer: asyncio.Future[EventCounts] = asyncio.get_running_loop().create_future()
        self._recent[event_id] = (now, answer)
        try:
            answer.set_result(await self.exact(event_id))
        except BaseException as error:
            del self._recent[event_id]
            answer.set_exception(error)
            answer.exception()  # whoever else waits gets it; nobody else has to
            raise
        return answer.result()
