"""Tickets, as everybody sees them."""

from collections.abc import Sequence
from operator import itemgetter
from typing import Annotated, Literal

from aiohttp import web
from msgspec import Meta

from api.catalogue.cache import CATALOGUE
from api.catalogue.events import is_shown, shown_events, shown_tickets
from api.catalogue.pages import PUBLIC_PAGES, TicketText, event_texts, list_text
from api.catalogue.partial_lists import or_partial
from api.catalogue.stock import STOCK, Known
from api.catalogue.views import EventCounts, ticket_view
from api.http.entity_tags import revised_reply
from api.http.pagination import PageQuery, decode_cursor, next_cursor
from api.http.problems import not_found
from api.http.replies import Reply
from api.http.requests import DatabaseId, path_id, read_query
from api.http.text import Text
from engine.catalogue import EventSnapshot, TicketSnapshot

Amount = Annotated[int, Meta(ge=0, le=10**15)]


class TicketsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/tickets. Prices in minor units, both ends included. `available`: places can be bought now."""

    event_id: DatabaseId | None = None
    ticket_type: Text | None = None
    price_from: Amount | None = None
    price_to: Amount | None = None
    available: Literal["true", "false"] | None = None


async def list_tickets(request: web.Request) -> Reply:
    """GET /v1/tickets: lists all tickets, by id."""
    pages, stock = request.app[PUBLIC_PAGES], request.app[STOCK]
    if ready := await pages.ready_if_whole(request):
        return ready
    query = read_query(request, TicketsQuery)
    after = decode_cursor(request.path, query.cursor, DatabaseId) or 0
    offered = sorted(
        (
            (ticket.ticket_id, event)
            for event in await shown_events(request)
            if query.event_id in (None, event.event_id)
            for ticket in shown_tickets(request, event)
            if _matches(query, ticket) and ticket.ticket_id > after
        ),
        key=itemgetter(0),
    )
    if query.available is None:
        del offered[query.limit + 1 :]  # where all are wanted, only those shown are counted
    counts, path = {event.event_id: stock.counts_of(event) for _, event in offered}, request.path

    def body(told: Sequence[Known[EventCounts]]) -> bytes:
        wanted: list[TicketText] = []
        shown = {known.event.event_id for known in told}
        for ticket_id, event in offered:
            if event.event_id not in shown:
                continue
            ticket = event_texts(counts[event.event_id]).tickets[ticket_id]
            if query.available in (None, "true" if ticket.available else "false"):
                wanted.append(ticket)
                if len(wanted) > query.limit:
                    break
        cursor = next_cursor(path, wanted, query.limit, lambda ticket: ticket.ticket_id)
        return list_text([each.text for each in wanted[: query.limit]], cursor)

    known = list(counts.values())
    return await or_partial(request, known, lambda: pages.make(request, known, lambda: body(known)), body)


def _matches(query: TicketsQuery, ticket: TicketSnapshot) -> bool:
    return (
        query.ticket_type in (None, ticket.ticket_type)
        and (query.price_from is None or ticket.unit_minor >= query.price_from)
        and (query.price_to is None or ticket.unit_minor <= query.price_to)
    )


async def read_ticket(request: web.Request) -> Reply:
    """GET /v1/tickets/{ticket_id}: reads a ticket."""
    pages = request.app[PUBLIC_PAGES]
    if ready := await pages.ready(request):
        return ready
    ticket_id = path_id(request, "ticket_id", "ticket")
    event = await request.app[CATALOGUE].event_of_ticket(ticket_id)
    if event is None or not is_shown(request, event) or not _is_shown(request, event, ticket_id):
        raise not_found(f"ticket {ticket_id}")
    counts = request.app[STOCK].counts_of(event)
    revision = event.ticket_by_id[ticket_id].revision
    return await pages.make(request, [counts], lambda: event_texts(counts).tickets[ticket_id].text, revision=revision)


def _is_shown(request: web.Request, event: EventSnapshot, ticket_id: int) -> bool:
    return any(ticket.ticket_id == ticket_id for ticket in shown_tickets(request, event))


async def ticket_reply(request: web.Request, event: EventSnapshot, ticket_id: int, *, status: int = 200) -> Reply:
    """A ticket of an event as it was just changed, with its counts now."""
    ticket = event.ticket_by_id[ticket_id]
    view = ticket_view(event, ticket, await request.app[STOCK].exact(event.event_id))
    location = f"/v1/tickets/{ticket_id}" if status == 201 else None
    return revised_reply(request, view, ticket.revision, status=status, location=location)
