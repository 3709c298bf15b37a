"""The slots of a timed event, for a front end's calendar."""

from datetime import date
from typing import Annotated

from aiohttp import web
from msgspec import Meta

from api.answers import Page, Slot
from api.bodies import read_query
from api.events import event_of_path
from api.keys import ENGINE
from api.pages import PageQuery, decode_cursor, encode_cursor
from api.problems import not_found
from api.replies import Reply, json_reply
from api.schedule import DateText, local_start, parse_date, schedule_of, slots_of_days, time_text
from api.times import rfc3339, wall_clock_ms
from engine.catalogue import EventSnapshot
from engine.commands import CountSlots
from engine.records import SlotCounts
from engine.results import SlotsCounted
from sync.bookings import END_OF_TIME_MS

Start = Annotated[int, Meta(ge=1, lt=END_OF_TIME_MS)]
"""The start of a slot, in ms since 1970."""

_DAYS_AHEAD = 31
"""Days that are listed where no date is asked for: a calendar's month."""


class SlotsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/events/{event_id}/slots."""

    date: DateText | None = None


async def list_slots(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/slots: those that have not begun, of a date, or of today and the 30 days after it."""
    event = await event_of_path(request)
    schedule_of(event)
    query = read_query(request, SlotsQuery)
    now_ms = wall_clock_ms()
    begun_ms = max(now_ms, decode_cursor(query.cursor, Start) or 0)
    first, days = _days(event, query.date, now_ms)
    wanted = [start_ms for start_ms in slots_of_days(event, first, days) if start_ms > begun_ms]
    shown = wanted[: query.limit]
    counted = await request.app[ENGINE].submit(CountSlots(event.event_id, shown))
    if not isinstance(counted, SlotsCounted):
        raise not_found(f"event {event.event_id}")
    items = [_slot_view(event, counts) for counts in counted.slots]
    return json_reply(Page(items, encode_cursor(shown[-1]) if len(wanted) > len(shown) else None))


def _days(event: EventSnapshot, asked: str | None, now_ms: int) -> tuple[date, int]:
    """The first day that is wanted, and how many."""
    if asked is not None:
        return parse_date("date", asked), 1
    return local_start(event, now_ms).date(), _DAYS_AHEAD


def _slot_view(event: EventSnapshot, counts: SlotCounts) -> Slot:
    local = local_start(event, counts.start_ms)
    return Slot(
        date=local.date().isoformat(),
        time=time_text(local.time()),
        starts_at=rfc3339(counts.start_ms),
        capacity=counts.capacity,
        available=counts.available,
        held=counts.held + counts.paying,
        sold=counts.sold,
    )
