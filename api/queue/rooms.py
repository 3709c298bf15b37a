"""Waiting rooms as this process knows them: each is read at most once a second, however many ask."""

import asyncio
from typing import NamedTuple

import msgspec
from aiohttp import web

from api.http.cached_pages import CachedPage
from api.queue.delays import AnswerDelays
from api.queue.metrics import QueueMetrics
from api.queue.schemas import Queue
from api.queue.views import audit_view, queue_view
from engine.commands.waiting_rooms import ReadQueue
from engine.engine import Engine
from engine.errors import OutcomeUnknown
from engine.results.events import UnknownPool
from engine.results.waiting_rooms import NoQueue, QueueState
from engine.waiting_rooms import new_proposal

AGE_SECONDS = 1.0
"""The age at which what is known of a room is read again."""

_JSON = msgspec.json.Encoder()


class KnownRoom(NamedTuple):
    """A waiting room as it was read: the engine's answer, and the documents made of it."""

    state: QueueState
    view: Queue
    page: CachedPage
    audit: CachedPage
    read_at: float


class Rooms:
    """The waiting rooms that somebody asks about."""

    def __init__(self, engine: Engine, delays: AnswerDelays, metrics: QueueMetrics) -> None:
        self._engine, self._delays, self._metrics = engine, delays, metrics
        self._known: dict[int, KnownRoom] = {}
        self._reading: dict[int, asyncio.Future[KnownRoom | None]] = {}
        self._clock = asyncio.get_running_loop().time

    async def room(self, event_id: int) -> KnownRoom | None:
        """The room of an event, at most a second old; while it is read again, what is known. None: there is none.

        Raises Fault.
        """
        return self.fresh(event_id) or await self.read(event_id)

    def fresh(self, event_id: int) -> KnownRoom | None:
        """The room as it is known, unless it must be read again first."""
        known = self._known.get(event_id)
        if known is not None and (self._clock() - known.read_at < AGE_SECONDS or event_id in self._reading):
            return known
        return None

    async def read(self, event_id: int) -> KnownRoom | None:
        """The room of an event, read now, for all who ask meanwhile. None: there is none. Raises Fault."""
        reading = self._reading.get(event_id)
        if reading is not None:
            return await asyncio.shield(reading)
        reading = self._reading[event_id] = asyncio.get_running_loop().create_future()
        try:
            command = ReadQueue(event_id, *new_proposal(), self._delays.worst_ms())
            known = self.learn(event_id, await self._engine.submit(command))
        except BaseException as error:
            reading.set_exception(error if isinstance(error, Exception) else OutcomeUnknown("the server is stopping"))
            reading.exception()  # it may be that nobody waits
            raise
        else:
            reading.set_result(known)
            return known
        finally:
            del self._reading[event_id]

    def learn(self, event_id: int, result: QueueState | UnknownPool | NoQueue) -> KnownRoom | None:
        """Remembers a room as the engine returned it just now."""
        if not isinstance(result, QueueState):
            self._known.pop(event_id, None)
            return None
        view = queue_view(event_id, result)
        page = CachedPage(_JSON.encode(view), max_age=1, tag_of=_JSON.encode(msgspec.structs.replace(view, as_of="")))
        audit = CachedPage(_JSON.encode(audit_view(event_id, result)), max_age=1)
        known = self._known[event_id] = KnownRoom(result, view, page, audit, self._clock())
        self._metrics.read(event_id, result)
        return known


ROOMS: web.AppKey["Rooms"] = web.AppKey("rooms")
