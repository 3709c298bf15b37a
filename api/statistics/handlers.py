"""Statistics, derived from the rows in Postgres."""

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from api.access.callers import caller_of
from api.app_keys import POSTGRES
from api.catalogue.events import event_of_path, no_event
from api.http.pagination import PageQuery, decode_cursor, page
from api.http.replies import Reply, json_reply
from api.http.requests import DatabaseId, read_query
from api.http.text import Text
from api.http.times import milliseconds, optional_rfc3339, rfc3339
from api.http.types import Money
from api.read_your_writes import wait_for_outcomes
from api.statistics import schemas
from api.statistics.schemas import EventStatistics, TicketTypeStatistics
from engine.catalogue import EventSnapshot
from sync.read_models.check_ins import MinuteOfDoors, TicketAttendance, read_attendance
from sync.read_models.statistics import (
    EventFigures,
    Figures,
    TicketTypeFigures,
    get_event_statistics,
    list_event_statistics,
    list_ticket_type_statistics,
)


async def list_statistics_of_events(request: web.Request) -> Reply:
    """GET /v1/statistics/events: lists a row per event, by id."""
    query = read_query(request, PageQuery)
    after = decode_cursor(request.path, query.cursor, DatabaseId) or 0
    await wait_for_outcomes(request)
    rows = await list_event_statistics(
        request.app[POSTGRES], limit=query.limit + 1, after=after, of_events=caller_of(request).events
    )
    return json_reply(page(request, rows, query.limit, lambda row: row.event_id, _event_row))


async def list_statistics_of_ticket_types(request: web.Request) -> Reply:
    """GET /v1/statistics/ticket-types: lists a row per type name and currency over all events, by both."""
    query = read_query(request, PageQuery)
    after = decode_cursor(request.path, query.cursor, tuple[Text, Text]) or ("", "")
    await wait_for_outcomes(request)
    rows = await list_ticket_type_statistics(request.app[POSTGRES], limit=query.limit + 1, after=after)
    return json_reply(page(request, rows, query.limit, lambda row: (row.ticket_type, row.currency), _ticket_type_row))


async def read_statistics_of_event(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/statistics: reads the row of one event."""
    event = await event_of_path(request)
    await wait_for_outcomes(request, event.event_id)
    row = await get_event_statistics(request.app[POSTGRES], event.event_id)
    if row is None:
        raise no_event(event.event_id)
    tickets, minutes = await read_attendance(request.app[POSTGRES], event.event_id)
    return json_reply(msgspec.structs.replace(_event_row(row), check_ins=_attendance(event, tickets, minutes)))


def _attendance(
    event: EventSnapshot, tickets: Sequence[TicketAttendance], minutes: Sequence[MinuteOfDoors]
) -> schemas.Attendance:
    types = {ticket_id: ticket.ticket_type for ticket_id, ticket in event.ticket_by_id.items()}
    return schemas.Attendance(
        expected=sum(ticket.expected for ticket in tickets),
        inside=sum(ticket.inside for ticket in tickets),
        outside=sum(ticket.outside for ticket in tickets),
        came=sum(ticket.came for ticket in tickets),
        tickets=[
            schemas.TicketAttendance(
                ticket.ticket_id,
                types.get(ticket.ticket_id),
                ticket.expected,
                ticket.inside,
                ticket.outside,
                ticket.came,
            )
            for ticket in tickets
        ],
        minutes=[
            schemas.MinuteOfDoors(rfc3339(milliseconds(each.minute)), each.entered, each.left_again) for each in minutes
        ],
    )


def _event_row(figures: EventFigures) -> EventStatistics:
    return EventStatistics(
        event_id=figures.event_id,
        name=figures.name,
        **_row(figures),
        sales_per_minute=figures.sales_per_minute,
        first_sale_at=optional_rfc3339(figures.first_sale_at),
        sold_out_at=optional_rfc3339(figures.sold_out_at),
    )


def _ticket_type_row(figures: TicketTypeFigures) -> TicketTypeStatistics:
    return TicketTypeStatistics(ticket_type=figures.ticket_type, **_row(figures))


def _row(figures: Figures) -> dict[str, Any]:
    return {
        "reserved": figures.reserved,
        "held": figures.held,
        "sold": figures.sold,
        "kept": figures.kept + figures.set_aside,
        "cancelled": figures.cancelled,
        "expired": figures.expired,
        "refunded": figures.refunded,
        "revenue": Money(figures.revenue_minor, figures.currency),
        "conversion": figures.conversion,
    }
