"""Events and their availability, as everybody sees them."""

import asyncio
import re
from datetime import UTC, date, datetime, time
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from api.answers import Page
from api.bodies import DatabaseId, path_id, read_query
from api.keys import AVAILABILITY, CATALOGUE
from api.pages import PageQuery, decode_cursor, encode_cursor
from api.problems import invalid, not_found
from api.replies import Reply, cached_reply
from api.times import milliseconds
from api.views import event_view
from engine.catalogue import EventSnapshot
from engine.words import EventStatus

Instant = Annotated[datetime, Meta(tz=True)]

Bound = Annotated[str, Meta(extra_json_schema={"anyOf": [{"format": "date"}, {"format": "date-time"}]})]
"""A date or an RFC 3339 time."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FIRST_INSTANT = time(0, 0, 0, 0, UTC)
_LAST_INSTANT = time(23, 59, 59, 999_000, UTC)


class EventsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"from_": "from"}):
    """Query of GET /v1/events. `from` and `to` bound the start, both ends included; a date is that whole day in UTC."""

    from_: Bound | None = None
    to: Bound | None = None
    venue_id: DatabaseId | None = None
    status: EventStatus | None = None


async def list_events(request: web.Request) -> Reply:
    """GET /v1/events: all events, by start."""
    query = read_query(request, EventsQuery)
    after = decode_cursor(query.cursor, tuple[int, int])
    from_ms, to_ms = _bound("from", query.from_), _bound("to", query.to, of_day=_LAST_INSTANT)
    wanted = [
        event
        for event in await request.app[CATALOGUE].events()
        if (from_ms is None or event.starts_ms >= from_ms)
        and (to_ms is None or event.starts_ms <= to_ms)
        and query.venue_id in (None, event.venue_id)
        and query.status in (None, event.status)
        and (after is None or (event.starts_ms, event.event_id) > after)
    ]
    shown = wanted[: query.limit]
    availability = request.app[AVAILABILITY]
    counts = await asyncio.gather(*(availability.exact(event.event_id) for event in shown))
    items = [event_view(event, count) for event, count in zip(shown, counts, strict=True)]
    more = len(wanted) > len(shown)
    listed = Page(items, encode_cursor((shown[-1].starts_ms, shown[-1].event_id)) if more else None)
    return cached_reply(request, listed, max_age=0)


async def read_event(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}: an event with its tickets."""
    event_id = path_id(request, "event_id", "event")
    event = await request.app[CATALOGUE].event_now(event_id)
    if event is None:
        raise not_found(f"event {event_id}")
    view = event_view(event, await request.app[AVAILABILITY].exact(event.event_id))
    return cached_reply(request, view, max_age=0)


async def read_availability(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/availability: counts that are at most 100 ms old, for crowds."""
    event = await event_of_path(request)
    page = await request.app[AVAILABILITY].recent(event)
    return page.reply(request)


async def event_of_path(request: web.Request) -> EventSnapshot:
    """The event that the path names. Raises Problem not_found."""
    event_id = path_id(request, "event_id", "event")
    event = await request.app[CATALOGUE].event(event_id)
    if event is None:
        raise not_found(f"event {event_id}")
    return event


def _bound(name: str, given: str | None, *, of_day: time = _FIRST_INSTANT) -> int | None:
    """Ms of a bound of the query. Of a date: of that instant of the day."""
    if given is None:
        return None
    try:
        if _DATE.fullmatch(given):
            return milliseconds(datetime.combine(date.fromisoformat(given), of_day))
        return milliseconds(msgspec.convert(given, Instant))
    except (ValueError, msgspec.ValidationError) as error:
        raise invalid(name, "must be a date or an RFC 3339 time, like 2027-06-01 or 2027-06-01T18:00:00Z") from error
