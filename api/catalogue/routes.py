"""Routes of the catalogue: what everybody reads, and what managers change."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from api.access.callers import MANAGERS
from api.catalogue import bodies, event_management, events, schemas, seats, sections, ticket_management, tickets, venues
from api.catalogue.pretix import PretixPlan
from api.http.pagination import PageQuery
from api.http.problems import Code
from api.http.types import Page
from api.route import Link, Route

_OK, _CREATED = HTTPStatus.OK, HTTPStatus.CREATED
_NOTHING: Mapping[HTTPStatus, None] = {HTTPStatus.NO_CONTENT: None}

_EVENT, _TICKET, _VENUE = "/v1/events/{event_id}", "/v1/tickets/{ticket_id}", "/v1/venues/{venue_id}"


_ID = "$response.body#/id"
_PRICE = {"amount": 30_000, "currency": "EUR"}
_EVENT_ID = {"event_id": _ID}
_OF_EVENT = (
    Link("read_event", _EVENT_ID),
    Link("change_event", _EVENT_ID, {"status": "on_sale", "sale_opens_at": None, "sale_closes_at": None}),
    Link("add_ticket", _EVENT_ID, {"ticket_type": "VIP", "price": _PRICE, "capacity": 300}),
    Link("read_availability", _EVENT_ID),
    Link("read_statistics_of_event", _EVENT_ID),
)
_EVENT_IN_VENUE = {
    "name": "Big event",
    "starts_at": "2027-06-01T18:00:00Z",
    "status": "on_sale",
    "venue_id": _ID,
    "tickets": [{"ticket_type": "Stalls", "price": _PRICE, "section_ids": ["$response.body#/sections/0/id"]}],
}
_OF_VENUE = (
    Link("read_venue", {"venue_id": _ID}),
    Link("list_sections", {"venue_id": _ID}),
    Link("create_event", body=_EVENT_IN_VENUE),
)
_OF_TICKET = (
    Link("read_ticket", {"ticket_id": _ID}),
    Link("change_ticket", {"ticket_id": _ID}, {"capacity": 400}),
    Link(
        "create_reservation",
        body={
            "items": [{"ticket_id": _ID, "quantity": 1}],
            "customer": {"id": "22", "first_name": "Islom", "last_name": "Karimov"},
        },
    ),
    Link("add_to_cart", body={"event_id": "$response.body#/event/id", "price_id": _ID, "quantity": 1}),
)

_on_sale = partial(Route, tag="On sale", roles=None, cached=True, drafts=True)
_venues = partial(Route, tag="On sale", roles=None, cached=True)
_managing = partial(Route, tag="Managing", roles=MANAGERS)

ROUTES: tuple[Route, ...] = (
    _on_sale(
        method="GET",
        path="/v1/events",
        handler=events.list_events,
        query=events.EventsQuery,
        partial=True,
        answers={_OK: Page[schemas.Event]},
    ),
    _on_sale(method="GET", path=_EVENT, handler=events.read_event, conditional=True, answers={_OK: schemas.Event}),
    _on_sale(
        method="GET",
        path=f"{_EVENT}/availability",
        handler=events.read_availability,
        answers={_OK: schemas.Availability},
    ),
    _on_sale(
        method="GET",
        path="/v1/tickets",
        handler=tickets.list_tickets,
        query=tickets.TicketsQuery,
        partial=True,
        answers={_OK: Page[schemas.Ticket]},
    ),
    _on_sale(
        method="GET",
        path=_TICKET,
        handler=tickets.read_ticket,
        conditional=True,
        links=_OF_TICKET,
        answers={_OK: schemas.Ticket},
    ),
    _venues(
        method="GET", path="/v1/venues", handler=venues.list_venues, query=PageQuery, answers={_OK: Page[schemas.Venue]}
    ),
    _venues(
        method="GET",
        path=_VENUE,
        handler=venues.read_venue,
        conditional=True,
        query=venues.VenueQuery,
        answers={_OK: schemas.Venue | PretixPlan},
    ),
    _venues(
        method="GET",
        path=f"{_VENUE}/sections",
        handler=venues.list_sections,
        answers={_OK: Page[schemas.Section]},
    ),
    _on_sale(
        method="GET",
        path=f"{_EVENT}/sections",
        handler=sections.list_sections_of_event,
        answers={_OK: Page[schemas.SectionOnSale]},
    ),
    _on_sale(
        method="GET",
        path=f"{_EVENT}/sections/{{section_id}}/seats",
        handler=seats.read_seats,
        query=seats.SeatsQuery,
        answers={_OK: Page[schemas.SeatOnSale] | schemas.CompactSeats},
    ),
    _managing(
        method="POST",
        path="/v1/events",
        handler=event_management.create_event,
        conditional=True,
        keyed=True,
        links=_OF_EVENT,
        body=bodies.EventBody,
        answers={_CREATED: schemas.Event},
        refusals=(Code.NOT_FOUND, Code.CURRENCY_NOT_SUPPORTED),
    ),
    _managing(
        method="PATCH",
        path=_EVENT,
        handler=event_management.change_event,
        conditional=True,
        links=_OF_EVENT,
        body=bodies.EventPatch,
        answers={_OK: schemas.Event},
        refusals=(Code.BELOW_TAKEN, Code.SALE_CLOSED, Code.IN_USE, Code.CURRENCY_NOT_SUPPORTED),
    ),
    _managing(
        method="DELETE",
        path=_EVENT,
        handler=event_management.delete_event,
        conditional=True,
        answers=_NOTHING,
        refusals=(Code.IN_USE,),
    ),
    _managing(
        method="POST",
        path=f"{_EVENT}/tickets",
        handler=ticket_management.add_ticket,
        conditional=True,
        keyed=True,
        links=_OF_TICKET,
        body=bodies.TicketBody,
        answers={_CREATED: schemas.Ticket},
        refusals=(Code.CURRENCY_NOT_SUPPORTED,),
    ),
    _managing(
        method="PATCH",
        path=_TICKET,
        handler=ticket_management.change_ticket,
        conditional=True,
        body=bodies.TicketPatch,
        answers={_OK: schemas.Ticket},
        scoped=True,
        refusals=(Code.CURRENCY_NOT_SUPPORTED, Code.BELOW_TAKEN),
    ),
    _managing(
        method="DELETE",
        path=_TICKET,
        handler=ticket_management.delete_ticket,
        conditional=True,
        answers=_NOTHING,
        scoped=True,
        refusals=(Code.IN_USE,),
    ),
    _managing(
        method="POST",
        path="/v1/venues",
        handler=venues.create_venue,
        conditional=True,
        keyed=True,
        links=_OF_VENUE,
        query=venues.VenueQuery,
        body=venues.VenueBody,
        other_body=PretixPlan,
        answers={_CREATED: schemas.Venue},
    ),
    _managing(
        method="PATCH",
        path=_VENUE,
        handler=venues.change_venue,
        conditional=True,
        body=venues.VenuePatch,
        answers={_OK: schemas.Venue},
    ),
    _managing(
        method="PATCH",
        path=f"{_EVENT}/seats",
        handler=seats.block_seats,
        conditional=True,
        body=seats.BlockBody,
        answers={_OK: schemas.Event},
        refusals=(Code.SEAT_TAKEN,),
    ),
)

PAGES: tuple[Route, ...] = tuple(route for route in ROUTES if route.cached and route.method == "GET")
"""The routes of pages that are made once for many clients."""
