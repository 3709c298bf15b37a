"""Counts of tickets: exact, or at most `availability_age_ms` old for what a crowd reads."""

import asyncio
import time
from typing import NamedTuple

from api.replies import CachedJson
from api.views import EventCounts, availability_view
from engine.catalogue import EventSnapshot
from engine.commands import Count
from engine.engine import Engine
from engine.results import Counts
from engine.settings import Settings

_MAX_AGE_SECONDS = 1
"""For how long a cache may show what a crowd reads."""


class _Look(NamedTuple):
    """What a crowd is shown of an event, asked for at an instant of the process' clock."""

    event: EventSnapshot
    asked_at: float
    page: "asyncio.Future[CachedJson]"


class Availability:
    """Reads counts. However many ask for the recent ones, Redis is asked ten times a second per event and process."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._max_age = settings.availability_age_ms / 1000
        self._looks: dict[int, _Look] = {}

    async def exact(self, event_id: int) -> EventCounts:
        """The counts as they are now. Of an event that is not published: none. Raises Fault."""
        result = await self._engine.submit(Count(event_id))
        if isinstance(result, Counts):
            return EventCounts(result.now_ms, {counts.ticket_id: counts for counts in result.tickets})
        return EventCounts(0, {})

    async def recent(self, event: EventSnapshot) -> CachedJson:
        """The counts as they were at most `availability_age_ms` ago, as the API shows them. Raises Fault."""
        now = time.monotonic()
        look = self._looks.get(event.event_id)
        if look is not None and now - look.asked_at < self._max_age and look.event is event:
            return look.page.result() if look.page.done() else await asyncio.shield(look.page)
        page: asyncio.Future[CachedJson] = asyncio.get_running_loop().create_future()
        look = self._looks[event.event_id] = _Look(event, now, page)
        try:
            view = availability_view(event, await self.exact(event.event_id))
            page.set_result(CachedJson(view, max_age=_MAX_AGE_SECONDS, tag_of=view.tickets))
        except BaseException as error:
            if self._looks.get(event.event_id) is look:
                del self._looks[event.event_id]
            page.set_exception(error)
            page.exception()  # whoever else waits gets it; nobody else has to
            raise
        return page.result()
