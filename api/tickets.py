"""Tickets, as everybody sees them."""

import asyncio
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from api.answers import Page, Ticket
from api.bodies import DatabaseId, Text, path_id, read_query
from api.keys import AVAILABILITY, CATALOGUE
from api.pages import PageQuery, decode_cursor, encode_cursor
from api.problems import not_found
from api.replies import Reply, cached_reply, json_reply
from api.views import EventCounts, ticket_view
from engine.catalogue import EventSnapshot, TicketSnapshot

Amount = Annotated[int, Meta(ge=0, le=10**15)]


class TicketsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/tickets. Prices in minor units, both ends included."""

    event_id: DatabaseId | None = None
    ticket_type: Text | None = None
    price_from: Amount | None = None
    price_to: Amount | None = None
    available: Literal["true", "false"] | None = None


async def list_tickets(request: web.Request) -> Reply:
    """GET /v1/tickets: all tickets, by id."""
    query = read_query(request, TicketsQuery)
    after = decode_cursor(query.cursor, DatabaseId) or 0
    offered = sorted(
        (
            (event, ticket)
            for event in await request.app[CATALOGUE].events()
            if query.event_id in (None, event.event_id)
            for ticket in event.tickets
            if _matches(query, ticket) and ticket.ticket_id > after
        ),
        key=lambda offer: offer[1].ticket_id,
    )
    if query.available is None:
        del offered[query.limit + 1 :]  # where all are wanted, only those shown are counted
    counts = await _counts(request, {event.event_id for event, _ in offered})
    wanted: list[Ticket] = []
    for event, ticket in offered:
        view = ticket_view(event, ticket, counts[event.event_id])
        if query.available in (None, "false" if view.sold_out else "true"):
            wanted.append(view)
    shown = wanted[: query.limit]
    more = len(wanted) > len(shown)
    listed = Page(shown, encode_cursor(shown[-1].id) if more else None)
    return cached_reply(request, listed, max_age=0)


def _matches(query: TicketsQuery, ticket: TicketSnapshot) -> bool:
    return (
        query.ticket_type in (None, ticket.ticket_type)
        and (query.price_from is None or ticket.unit_minor >= query.price_from)
        and (query.price_to is None or ticket.unit_minor <= query.price_to)
    )


async def _counts(request: web.Request, event_ids: set[int]) -> dict[int, EventCounts]:
    availability = request.app[AVAILABILITY]
    ordered = sorted(event_ids)
    counts = await asyncio.gather(*(availability.exact(event_id) for event_id in ordered))
    return dict(zip(ordered, counts, strict=True))


async def read_ticket(request: web.Request) -> Reply:
    """GET /v1/tickets/{ticket_id}: a ticket."""
    ticket_id = path_id(request, "ticket_id", "ticket")
    event = await request.app[CATALOGUE].event_of_ticket_now(ticket_id)
    if event is None:
        raise not_found(f"ticket {ticket_id}")
    return cached_reply(request, await _ticket(request, event, ticket_id), max_age=0)


async def ticket_reply(request: web.Request, event: EventSnapshot, ticket_id: int, *, status: int = 200) -> Reply:
    """A ticket of an event as it was just changed, with its counts now."""
    headers = {"Location": f"/v1/tickets/{ticket_id}"} if status == 201 else None
    return json_reply(await _ticket(request, event, ticket_id), status=status, headers=headers)


async def _ticket(request: web.Request, event: EventSnapshot, ticket_id: int) -> Ticket:
    ticket = event.ticket_by_id[ticket_id]
    return ticket_view(event, ticket, await request.app[AVAILABILITY].exact(event.event_id))
