"""Statistics, derived from the rows in Postgres."""

from datetime import datetime
from typing import Any

from aiohttp import web

from api.answers import EventStatistics, Page, TicketTypeStatistics
from api.bodies import DatabaseId, Text, read_query
from api.callers import caller_of
from api.completeness import wait_for_outcomes
from api.events import event_of_path
from api.keys import POSTGRES
from api.pages import PageQuery, decode_cursor, encode_cursor
from api.problems import not_found
from api.replies import Reply, json_reply
from api.times import milliseconds, rfc3339
from api.views import money
from sync.statistics import (
    EventFigures,
    Figures,
    TicketTypeFigures,
    get_event_statistics,
    list_event_statistics,
    list_ticket_type_statistics,
)


async def list_statistics_of_events(request: web.Request) -> Reply:
    """GET /v1/statistics/events: a row per event, by id."""
    query = read_query(request, PageQuery)
    after = decode_cursor(query.cursor, DatabaseId) or 0
    await wait_for_outcomes(request)
    rows = await list_event_statistics(
        request.app[POSTGRES], limit=query.limit + 1, after=after, of_events=caller_of(request).events
    )
    shown = rows[: query.limit]
    cursor = encode_cursor(shown[-1].event_id) if len(rows) > len(shown) else None
    return json_reply(Page([_event_row(row) for row in shown], cursor))


async def list_statistics_of_ticket_types(request: web.Request) -> Reply:
    """GET /v1/statistics/ticket-types: a row per type name over all events, by name."""
    query = read_query(request, PageQuery)
    after = decode_cursor(query.cursor, Text) or ""
    await wait_for_outcomes(request)
    rows = await list_ticket_type_statistics(request.app[POSTGRES], limit=query.limit + 1, after=after)
    shown = rows[: query.limit]
    cursor = encode_cursor(shown[-1].ticket_type) if len(rows) > len(shown) else None
    return json_reply(Page([_ticket_type_row(row) for row in shown], cursor))


async def read_statistics_of_event(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/statistics: the row of one event."""
    event = await event_of_path(request)
    await wait_for_outcomes(request, event.event_id)
    row = await get_event_statistics(request.app[POSTGRES], event.event_id)
    if row is None:
        raise not_found(f"event {event.event_id}")
    return json_reply(_event_row(row))


def _event_row(figures: EventFigures) -> EventStatistics:
    return EventStatistics(
        event_id=figures.event_id,
        name=figures.name,
        **_row(figures),
        sales_per_minute=figures.sales_per_minute,
        first_sale_at=_instant(figures.first_sale_at),
        sold_out_at=_instant(figures.sold_out_at),
    )


def _ticket_type_row(figures: TicketTypeFigures) -> TicketTypeStatistics:
    return TicketTypeStatistics(ticket_type=figures.ticket_type, **_row(figures))


def _row(figures: Figures) -> dict[str, Any]:
    return {
        "reserved": figures.reserved,
        "held": figures.held,
        "sold": figures.sold,
        "cancelled": figures.cancelled,
        "expired": figures.expired,
        "refunded": figures.refunded,
        "revenue": money(figures.revenue_minor),
        "conversion": figures.conversion,
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else rfc3339(milliseconds(instant))
