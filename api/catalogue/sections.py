"""The sections that an event offers, with their counts and prices: many in one read."""

import msgspec
from aiohttp import web

from api.catalogue.cache import CATALOGUE
from api.catalogue.events import shown_event_of_path, shown_tickets
from api.catalogue.pages import PUBLIC_PAGES
from api.catalogue.schemas import SectionOnSale
from api.catalogue.seating import Seating
from api.catalogue.stock import STOCK
from api.http.replies import Reply
from api.http.types import Money, Page
from engine.catalogue import TicketSnapshot
from engine.seats import section_pool
from engine.stock import PoolCounts

_MAX_AGE_SECONDS = 1


async def list_sections_of_event(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/sections: lists the sections that the event offers, as fresh as availability."""
    pages = request.app[PUBLIC_PAGES]
    if ready := await pages.ready(request, own=False):
        return ready
    event = await shown_event_of_path(request)
    seating, tickets = await request.app[CATALOGUE].seating(event), shown_tickets(request, event)
    counted = request.app[STOCK].sections_of(event)

    def body() -> bytes:
        counts = {each.pool: each for each in counted.value or ()}
        return msgspec.json.encode(Page(_sections(seating, tickets, counts, event.currency), None))

    return await pages.make(request, [counted], body, max_age=_MAX_AGE_SECONDS, own=False)


def _sections(
    seating: Seating | None, tickets: list[TicketSnapshot], counts: dict[str, PoolCounts], currency: str
) -> list[SectionOnSale]:
    """The sections that these tickets offer, in the order of the manifest."""
    shown = []
    for section in seating.venue.sections if seating else ():
        prices = [ticket.unit_minor for ticket in tickets if section.section_id in ticket.section_ids]
        if not prices:
            continue
        pool = section_pool(section.section_id)
        count = counts.get(pool, PoolCounts(pool, 0, 0, 0, 0, 0, 0))
        shown.append(
            SectionOnSale(
                section_id=section.section_id,
                name=section.name,
                seating="general" if section.capacity else "assigned",
                capacity=count.capacity,
                available=count.available,
                held=count.held + count.paying,
                sold=count.sold,
                price_from=Money(min(prices), currency),
                price_to=Money(max(prices), currency),
            )
        )
    return shown
