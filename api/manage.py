"""Managing events and their tickets. The catalogue is Postgres': with Postgres away these answer 503."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from api.bodies import ALL_DIFFERENT, CurrencyText, DatabaseId, Text, path_id, read_body
from api.callers import caller_of
from api.events import Instant
from api.keys import AVAILABILITY, CATALOGUE, EDITOR
from api.payments import check_currency
from api.problems import Problem, invalid, not_found
from api.refusals import problem_of
from api.replies import Reply, json_reply
from api.schedule import TimeText, parse_time
from api.seating import Seating
from api.tickets import ticket_reply
from api.times import milliseconds
from api.views import event_view
from engine.catalogue import EventSnapshot, Schedule
from engine.results import BelowTaken
from engine.words import EventStatus
from sync.catalogue import EventChanges, NewEvent, NewTicket, TicketChanges, WrongVenue

Price = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Capacity = Annotated[int, Meta(ge=0, le=10_000_000)]
HoldSeconds = Annotated[int, Meta(ge=1, le=86_400)]
SectionIds = Annotated[list[DatabaseId], Meta(min_length=1, max_length=200), ALL_DIFFERENT]
PlacesPerCustomer = Annotated[int, Meta(ge=1, le=10_000_000)]

_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)

_NO_ZONES = ("localtime", "posixrules", "Factory")
_OTHER_CLOCKS = ("posix/", "right/")
"""What is found beside the time zones, and means another thing on another machine, or by another clock."""


class PriceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in minor units, with its currency."""

    amount: Price
    currency: CurrencyText


class ScheduleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When slots begin each day, local to the event, and the places that each of them has."""

    times: Annotated[list[TimeText], Meta(min_length=1, max_length=100)]
    capacity: Annotated[int, Meta(ge=1, le=10_000_000)]


class TicketBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ticket to offer: a capacity, or the seats of sections of the event's venue. Of a timed event: neither."""

    ticket_type: Text
    price: PriceBody
    capacity: Capacity | UnsetType = UNSET
    section_ids: SectionIds | UnsetType = UNSET


class EventBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/events. With a schedule, which stays as it is, it is timed."""

    name: Text
    starts_at: Instant
    timezone: Text = "UTC"
    venue_id: DatabaseId | None = None
    status: EventStatus = EventStatus.DRAFT
    sale_opens_at: Instant | None = None
    sale_closes_at: Instant | None = None
    hold_seconds: HoldSeconds = 900
    max_per_customer: PlacesPerCustomer = 10
    tickets: Annotated[list[TicketBody], Meta(max_length=100)] = []
    schedule: ScheduleBody | UnsetType = UNSET


class EventPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/events/{event_id}: what is not given stays; null takes a window away."""

    name: Text | UnsetType = UNSET
    starts_at: Instant | UnsetType = UNSET
    timezone: Text | UnsetType = UNSET
    venue_id: DatabaseId | UnsetType | None = UNSET
    status: EventStatus | UnsetType = UNSET
    sale_opens_at: Instant | UnsetType | None = UNSET
    sale_closes_at: Instant | UnsetType | None = UNSET
    hold_seconds: HoldSeconds | UnsetType = UNSET
    max_per_customer: PlacesPerCustomer | UnsetType = UNSET


class TicketPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/tickets/{ticket_id}: what is not given stays. What is held keeps the price it was held at."""

    price: PriceBody | UnsetType = UNSET
    capacity: Capacity | UnsetType = UNSET


_EVENT = msgspec.json.Decoder(EventBody)
_EVENT_PATCH = msgspec.json.Decoder(EventPatch)
_TICKET = msgspec.json.Decoder(TicketBody)
_TICKET_PATCH = msgspec.json.Decoder(TicketPatch)


async def create_event(request: web.Request) -> Reply:
    """POST /v1/events: a new event.

    It is on sale for everybody when the 201 is out, if its status and window say so.
    """
    body = await read_body(request, _EVENT)
    _check_timezone(body.timezone)
    _check_instants(body)
    seating = await _venue(request, body.venue_id)
    _check_window(_ms(body.sale_opens_at), _ms(body.sale_closes_at))
    schedule = None if body.schedule is UNSET else _schedule(body.schedule)
    offered = [
        _new_ticket(ticket, f"tickets[{place}].", seating, timed=schedule is not None)
        for place, ticket in enumerate(body.tickets)
    ]
    event = await request.app[EDITOR].create_event(
        NewEvent(
            name=body.name,
            starts_at=body.starts_at,
            timezone=body.timezone,
            venue_id=body.venue_id,
            status=body.status,
            sale_opens_at=body.sale_opens_at,
            sale_closes_at=body.sale_closes_at,
            hold_seconds=body.hold_seconds,
            max_per_customer=body.max_per_customer,
            tickets=offered,
            schedule=schedule,
        )
    )
    return await event_reply(request, event, status=201)


async def change_event(request: web.Request) -> Reply:
    """PATCH /v1/events/{event_id}: changes what is given."""
    event_id = path_id(request, "event_id", "event")
    patch = await read_body(request, _EVENT_PATCH)
    if patch.timezone is not UNSET:
        _check_timezone(patch.timezone)
    _check_instants(patch)
    if patch.venue_id is not UNSET:
        await _venue(request, patch.venue_id)
    before = await request.app[CATALOGUE].event_now(event_id)
    if before is None:
        raise not_found(f"event {event_id}")
    if before.schedule is not None and patch.timezone not in (UNSET, before.timezone):
        raise invalid("timezone", "the event's slots are in the time zone that it has; it cannot change")
    _check_window(
        before.sale_opens_ms if patch.sale_opens_at is UNSET else _ms(patch.sale_opens_at),
        before.sale_closes_ms if patch.sale_closes_at is UNSET else _ms(patch.sale_closes_at),
    )
    event = await request.app[EDITOR].update_event(event_id, EventChanges(**msgspec.structs.asdict(patch)))
    if event is None:
        raise not_found(f"event {event_id}")
    if isinstance(event, WrongVenue):
        raise invalid("venue_id", "tickets offer sections of the venue that the event has; it cannot move")
    return await event_reply(request, event)


async def add_ticket(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/tickets: offers another ticket."""
    event_id = path_id(request, "event_id", "event")
    body = await read_body(request, _TICKET)
    before = await request.app[CATALOGUE].event_now(event_id)
    if before is None:
        raise not_found(f"event {event_id}")
    seating = await request.app[CATALOGUE].seating(before)
    offered = _new_ticket(body, "", seating, timed=before.schedule is not None)
    event = await request.app[EDITOR].add_tickets(event_id, [offered])
    if event is None:
        raise not_found(f"event {event_id}")
    if isinstance(event, WrongVenue):
        raise _no_section(event.section_ids[0])
    await request.app[CATALOGUE].refresh()
    return await ticket_reply(request, event, event.tickets[-1].ticket_id, status=201)


async def change_ticket(request: web.Request) -> Reply:
    """PATCH /v1/tickets/{ticket_id}: changes its price, its capacity, or both."""
    ticket_id = path_id(request, "ticket_id", "ticket")
    patch = await read_body(request, _TICKET_PATCH)
    await _check_may_manage(request, ticket_id)
    if patch.price is not UNSET:
        check_currency(patch.price.currency)
    if patch.capacity is not UNSET:
        await _check_has_capacity(request, ticket_id)
    event = await request.app[EDITOR].update_ticket(
        ticket_id,
        TicketChanges(
            unit_minor=UNSET if patch.price is UNSET else patch.price.amount,
            capacity=patch.capacity,
        ),
    )
    if event is None:
        raise not_found(f"ticket {ticket_id}")
    if isinstance(event, BelowTaken):
        raise problem_of(event)
    await request.app[CATALOGUE].refresh()
    return await ticket_reply(request, event, ticket_id)


async def _check_may_manage(request: web.Request, ticket_id: int) -> None:
    """Raises Problem forbidden for a ticket of an event that the manager's token is not good for."""
    caller = caller_of(request)
    if caller.events is not None:
        event = await request.app[CATALOGUE].event_of_ticket_now(ticket_id)
        caller.check_events([] if event is None else [event.event_id])


def _schedule(body: ScheduleBody) -> Schedule:
    """Raises Problem invalid."""
    times = [parse_time(f"schedule.times[{place}]", text) for place, text in enumerate(body.times)]
    for place, at in enumerate(times):
        if at in times[:place]:
            raise invalid(f"schedule.times[{place}]", "another slot begins at this time")
    return Schedule(sorted(times), body.capacity)


def _new_ticket(ticket: TicketBody, path: str, seating: Seating | None, *, timed: bool) -> NewTicket:
    """Raises Problem: currency_not_supported, invalid, or not_found for a section that the venue does not have."""
    check_currency(ticket.price.currency)
    if timed:
        for name in ("capacity", "section_ids"):
            if getattr(ticket, name) is not UNSET:
                raise invalid(f"{path}{name}", "the places of a timed event are those of its slots; leave it out")
        return NewTicket(ticket.ticket_type, ticket.price.amount)
    if ticket.section_ids is UNSET:
        if ticket.capacity is UNSET:
            raise invalid(f"{path}capacity", "required, but missing; or give section_ids, for assigned seats")
        return NewTicket(ticket.ticket_type, ticket.price.amount, ticket.capacity)
    if ticket.capacity is not UNSET:
        raise invalid(f"{path}capacity", "the places of a ticket with section_ids are their seats; leave capacity out")
    if seating is None:
        raise invalid(f"{path}section_ids", "the event has no venue")
    if len(set(ticket.section_ids)) < len(ticket.section_ids):
        raise invalid(f"{path}section_ids", "a section is named more than once")
    for section_id in ticket.section_ids:
        if seating.section(section_id) is None:
            raise _no_section(section_id)
    return NewTicket(ticket.ticket_type, ticket.price.amount, section_ids=ticket.section_ids)


def _no_section(section_id: int) -> Problem:
    return not_found(f"section {section_id} in the event's venue")


async def _check_has_capacity(request: web.Request, ticket_id: int) -> None:
    """Raises Problem invalid if the ticket has assigned seats, or is timed."""
    event = await request.app[CATALOGUE].event_of_ticket_now(ticket_id)
    if event and event.schedule:
        raise invalid("capacity", "the ticket's places are those of the event's slots")
    if event and any(ticket.ticket_id == ticket_id and ticket.section_ids for ticket in event.tickets):
        raise invalid("capacity", "the ticket's places are the seats of its sections; block seats instead")


async def event_reply(request: web.Request, event: EventSnapshot, *, status: int = 200) -> Reply:
    """An event as it was just changed, with its counts now."""
    await request.app[CATALOGUE].refresh()
    counts = await request.app[AVAILABILITY].exact(event.event_id)
    headers = {"Location": f"/v1/events/{event.event_id}"} if status == 201 else None
    return json_reply(event_view(event, counts), status=status, headers=headers)


def _check_timezone(name: str) -> None:
    try:
        if name in _NO_ZONES or name.startswith(_OTHER_CLOCKS):
            raise ZoneInfoNotFoundError(name)
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise invalid("timezone", f"{name!r} is not an IANA time zone, like Europe/Warsaw") from error


def _check_instants(body: EventBody | EventPatch) -> None:
    """Refuses what Postgres, or a datetime in UTC, cannot hold; and 0 ms, which means "no window" to the library."""
    for name in ("starts_at", "sale_opens_at", "sale_closes_at"):
        instant = getattr(body, name)
        if isinstance(instant, datetime) and not _EARLIEST <= instant < _LATEST:
            raise invalid(name, f"must be from {_EARLIEST.year} to {_LATEST.year - 1}")


async def _venue(request: web.Request, venue_id: int | None) -> Seating | None:
    """The venue, None if none is named. Raises Problem not_found."""
    if venue_id is None:
        return None
    seating = await request.app[CATALOGUE].venue(venue_id)
    if seating is None:
        raise not_found(f"venue {venue_id}")
    return seating


def _check_window(opens_ms: int | None, closes_ms: int | None) -> None:
    if opens_ms is not None and closes_ms is not None and closes_ms <= opens_ms:
        raise invalid("sale_closes_at", "must be later than sale_opens_at")


def _ms(instant: Instant | None) -> int | None:
    return None if instant is None else milliseconds(instant)
