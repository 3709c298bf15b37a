"""The slots of a timed event, for a front end's calendar."""

import asyncio
import time
from datetime import timedelta

import msgspec
from aiohttp import web

from api.catalogue.events import no_event, shown_event_of_path
from api.catalogue.page_replies import PageReplies
from api.catalogue.schedule import DateText, Days, SlotWanted, parse_date, schedule_of, slot_days, slots_of_days
from api.http.cached_pages import CachedPage, PageCache
from api.http.pagination import PageQuery, decode_cursor, next_cursor, not_a_cursor
from api.http.replies import Reply
from api.http.requests import read_query
from api.http.times import rfc3339, wall_clock_ms
from api.http.types import Page
from api.timed.schemas import Slot
from engine.catalogue import EventSnapshot
from engine.commands.bookings import CountSlots
from engine.engine import Engine
from engine.redis_keys import partition_of
from engine.results.bookings import SlotsCounted
from engine.settings import Settings
from engine.slots import is_slot, parse_slot, time_text
from engine.stock import SlotCounts

_MAX_AGE_SECONDS = 1
_DAYS_AHEAD = 31
"""Days that are listed where no date is asked for: a calendar's month."""


class SlotsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/events/{event_id}/slots."""

    date: DateText | None = None


class _SlotPage(CachedPage):
    """A page with what it was made from: it is good for a moment, and not once this process took something there."""

    __slots__ = ("changes", "event", "made_at")

    def __init__(self, body: bytes, event: EventSnapshot, changes: int, made_at: float) -> None:
        super().__init__(body, max_age=_MAX_AGE_SECONDS)
        self.event, self.changes, self.made_at = event, changes, made_at


class SlotPages:
    """Pages of slots, each built once for any number of readers, as fresh as availability."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings, self._replies = engine, settings, PageReplies(settings)
        self._pages: PageCache[_SlotPage] = PageCache(settings.page_cache_bytes)
        self._making: dict[str, asyncio.Lock] = {}

    async def read(self, request: web.Request, event: EventSnapshot) -> Reply:
        """The page that is asked for. Raises Problem, Fault."""
        asked = request.raw_path
        lock = self._making.setdefault(asked, asyncio.Lock())
        try:
            async with lock:
                page = self._pages.get(asked)
                if page is None or not self._is_good(page, event):
                    changes, made_at = self._changes_of(event), time.monotonic()
                    page = _SlotPage(await self._body(request, event), event, changes, made_at)
                    self._pages.put(asked, page)
        finally:
            if not lock.locked():
                self._making.pop(asked, None)
        return await self._replies.reply(request, page)

    def _is_good(self, page: _SlotPage, event: EventSnapshot) -> bool:
        age_ms = (time.monotonic() - page.made_at) * 1000
        fresh = age_ms < self._settings.availability_age_ms
        return fresh and page.event is event and page.changes == self._changes_of(event)

    def _changes_of(self, event: EventSnapshot) -> int:
        changes = self._engine.changes
        return changes[partition_of(event.event_id, len(changes))]

    async def _body(self, request: web.Request, event: EventSnapshot) -> bytes:
        query, now_ms = read_query(request, SlotsQuery), wall_clock_ms()
        after = decode_cursor(request.path, query.cursor, str)
        if after is not None and not is_slot(after):
            raise not_a_cursor()
        days = _days(event, query.date, self._settings.slot_horizon_days)
        wanted = [each for each in slots_of_days(event, days) if each.start_ms > now_ms and each.slot > (after or "")]
        shown = wanted[: query.limit]
        counted = await self._engine.submit(CountSlots(event.event_id, [each.slot for each in shown]))
        if not isinstance(counted, SlotsCounted):
            raise no_event(event.event_id)
        items = [_slot_view(each, counts) for each, counts in zip(shown, counted.slots, strict=True)]
        return msgspec.json.encode(Page(items, next_cursor(request.path, wanted, query.limit, lambda each: each.slot)))


SLOT_PAGES = web.AppKey("slot_pages", SlotPages)


async def list_slots(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/slots: lists future slots of a date, or of 31 days from the first."""
    event = await shown_event_of_path(request)
    schedule_of(event)
    return await request.app[SLOT_PAGES].read(request, event)


def _days(event: EventSnapshot, asked: str | None, horizon_days: int) -> Days:
    """The days that are wanted and may have slots; none where the last is before the first."""
    first, last = slot_days(event, horizon_days)
    if asked is not None:
        day = parse_date("date", asked)
        return Days(max(first, day), min(last, day))
    today = last - timedelta(days=horizon_days)
    begin = max(first, today)
    return Days(begin, min(last, begin + timedelta(days=_DAYS_AHEAD - 1)))


def _slot_view(wanted: SlotWanted, counts: SlotCounts) -> Slot:
    day, at = parse_slot(wanted.slot)
    return Slot(
        date=day.isoformat(),
        time=time_text(at),
        starts_at=rfc3339(wanted.start_ms),
        capacity=counts.capacity,
        available=counts.available,
        held=counts.held + counts.paying,
        sold=counts.sold,
        kept=counts.kept,
    )
