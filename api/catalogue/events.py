"""Events and their availability, as everybody sees them."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from api.access.callers import managed_events, manages
from api.catalogue.cache import CATALOGUE
from api.catalogue.pages import PUBLIC_PAGES, event_text, list_text
from api.catalogue.partial_lists import or_partial
from api.catalogue.schemas import Availability
from api.catalogue.stock import STOCK, Known, told_counts
from api.catalogue.views import EventCounts, availability_view
from api.http.pagination import PageQuery, decode_cursor, next_cursor
from api.http.problems import Problem, invalid, not_found
from api.http.replies import Reply
from api.http.requests import DatabaseId, path_id, read_query
from api.http.times import milliseconds
from api.http.types import Instant
from engine.catalogue import EventSnapshot, TicketSnapshot
from engine.words import EventStatus

Bound = Annotated[str, Meta(extra_json_schema={"anyOf": [{"format": "date"}, {"format": "date-time"}]})]
"""A date or an RFC 3339 time."""

_MAX_AGE_SECONDS = 1
"""The time for which a cache may show a page that many clients read."""

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
    """GET /v1/events: lists all events, by start."""
    pages, stock = request.app[PUBLIC_PAGES], request.app[STOCK]
    if ready := await pages.ready_if_whole(request):
        return ready
    query = read_query(request, EventsQuery)
    after = decode_cursor(request.path, query.cursor, tuple[int, int])
    from_ms, to_ms = _bound("from", query.from_), _bound("to", query.to, of_day=_LAST_INSTANT)
    wanted = [
        event
        for event in await shown_events(request)
        if (from_ms is None or event.starts_ms >= from_ms)
        and (to_ms is None or event.starts_ms <= to_ms)
        and query.venue_id in (None, event.venue_id)
        and query.status in (None, event.status)
        and (after is None or (event.starts_ms, event.event_id) > after)
    ]
    shown = wanted[: query.limit]
    cursor = next_cursor(request.path, wanted, query.limit, lambda event: (event.starts_ms, event.event_id))
    counts, managed = [stock.counts_of(event) for event in shown], managed_events(request)

    def body(told: Sequence[Known[EventCounts]]) -> bytes:
        return list_text([event_text(each, managed) for each in told], cursor)

    return await or_partial(request, counts, lambda: pages.make(request, counts, lambda: body(counts)), body)


async def read_event(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}: reads an event with its tickets."""
    pages = request.app[PUBLIC_PAGES]
    if ready := await pages.ready(request):
        return ready
    counts = request.app[STOCK].counts_of(await shown_event_of_path(request))
    managed = managed_events(request)
    return await pages.make(request, [counts], lambda: event_text(counts, managed), revision=counts.event.revision)


async def read_availability(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/availability: reads counts that are at most 100 ms old."""
    pages = request.app[PUBLIC_PAGES]
    if ready := await pages.ready(request, own=False):
        return ready
    counts = request.app[STOCK].counts_of(await shown_event_of_path(request))

    hidden = manages(request, counts.event.event_id)

    def view() -> Availability:
        return availability_view(counts.event, told_counts(counts), hidden=hidden)

    return await pages.make(
        request,
        [counts],
        lambda: msgspec.json.encode(view()),
        max_age=_MAX_AGE_SECONDS,
        own=False,
        tag_of=lambda: msgspec.json.encode(msgspec.structs.replace(view(), as_of="")),
        dated=counts,
    )


async def event_of_path(request: web.Request) -> EventSnapshot:
    """The event that the path names. Raises Problem not_found."""
    return await find_event(request, path_id(request, "event_id", "event"))


async def shown_event_of_path(request: web.Request) -> EventSnapshot:
    """The event that the path names, if the caller may see it. Raises Problem not_found."""
    event = await event_of_path(request)
    if not is_shown(request, event):
        raise no_event(event.event_id)
    return event


async def shown_events(request: web.Request) -> list[EventSnapshot]:
    """All events that the caller may see, by start and id. Raises Fault."""
    return [event for event in await request.app[CATALOGUE].events() if is_shown(request, event)]


def is_shown(request: web.Request, event: EventSnapshot) -> bool:
    """True if the caller may see the event: drafts are for their managers alone."""
    return event.status != EventStatus.DRAFT or manages(request, event.event_id)


def shown_tickets(request: web.Request, event: EventSnapshot) -> list[TicketSnapshot]:
    """The event's tickets that the caller may see: hidden ones are for their managers alone."""
    if manages(request, event.event_id):
        return event.tickets
    return [ticket for ticket in event.tickets if not ticket.hidden]


async def find_event(request: web.Request, event_id: int) -> EventSnapshot:
    """The event of that id. Raises Problem not_found."""
    event = await request.app[CATALOGUE].event(event_id)
    if event is None:
        raise no_event(event_id)
    return event


async def refreshed_event(request: web.Request, event_id: int) -> EventSnapshot:
    """The event with all that was changed until now. Raises Problem not_found."""
    await request.app[CATALOGUE].refresh()
    return await find_event(request, event_id)


def no_event(event_id: int) -> Problem:
    """404 about an event."""
    return not_found(f"event {event_id}")


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
