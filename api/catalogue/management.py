"""Managing events and their tickets. The catalogue is Postgres': with Postgres away these answer 503."""

from datetime import UTC, datetime, time
from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from api.access.callers import caller_of
from api.app_keys import EDITOR
from api.catalogue.cache import CATALOGUE
from api.catalogue.events import find_event, no_event
from api.catalogue.schedule import TimeText, parse_date, parse_time
from api.catalogue.seating import Seating
from api.catalogue.stock import STOCK
from api.catalogue.tickets import ticket_reply
from api.catalogue.views import event_view
from api.engine_problems import problem_of
from api.http.entity_tags import precondition_failed, revised_reply, wanted_revisions
from api.http.problems import Code, Problem, invalid, not_found
from api.http.replies import Reply, no_content
from api.http.requests import (
    ALL_DIFFERENT,
    CurrencyText,
    DatabaseId,
    check_currency,
    other_currency,
    path_id,
    read_body,
)
from api.http.text import LongText, Text, WebAddress
from api.http.times import milliseconds, wall_clock_ms
from api.http.types import Instant, Money
from api.idempotency import once
from engine.catalogue import EventSnapshot, Schedule, WaitingList, WaitingRoom
from engine.currencies import FIRST_CURRENCY, MINOR_DIGITS
from engine.results.events import BelowTaken, InUse
from engine.slots import slot_text
from engine.time_zones import UnknownTimeZone, time_zone
from engine.words import EventStatus
from sync.catalogue.fields import EventFields, NewEvent, NewTicket, TicketChanges
from sync.catalogue.refusals import EventIsCancelled, OtherCurrency, OtherRevision, WrongVenue

Price = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Capacity = Annotated[int, Meta(ge=0, le=10_000_000)]
HoldSeconds = Annotated[int, Meta(ge=1, le=86_400)]
SectionIds = Annotated[list[DatabaseId], Meta(min_length=1, max_length=200), ALL_DIFFERENT]
LeastQuantity = Annotated[int, Meta(ge=1, le=100)]
PassSeconds = Annotated[int, Meta(ge=1, le=86_400)]
OfferSeconds = Annotated[int, Meta(ge=1, le=604_800)]
InsideLimit = Annotated[int, Meta(ge=1, le=10_000_000)]
PerMinute = Annotated[int, Meta(ge=1, le=1_000_000)]
PlacesPerCustomer = Annotated[int, Meta(ge=1, le=10_000_000)]

_WINDOW = ("sale_opens_at", "sale_closes_at")
_EARLIEST = datetime(1971, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


class PriceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in minor units, with its currency."""

    amount: Price
    currency: CurrencyText


Times = Annotated[list[TimeText], Meta(min_length=1, max_length=100)]
SlotCapacity = Annotated[int, Meta(ge=1, le=10_000_000)]
Weekdays = Annotated[list[Annotated[int, Meta(ge=1, le=7)]], Meta(min_length=1, max_length=7), ALL_DIFFERENT]
_CLOSED = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T([01][0-9]|2[0-3])(:[0-5][0-9]){0,2})?$"
Closed = Annotated[
    list[Annotated[str, Meta(max_length=20, extra_json_schema={"pattern": _CLOSED})]], Meta(max_length=1000)
]


class ScheduleBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The start times of slots, local to the event, and the places of each.

    On the `weekdays`, 1 (Monday) to 7, by default each; `except` are dates and single slots (2027-12-31T19:00) without.
    """

    times: Times
    capacity: SlotCapacity
    weekdays: Weekdays | UnsetType = UNSET
    closed: Closed | UnsetType = msgspec.field(default=UNSET, name="except")


class SchedulePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Changes of a schedule; fields that are not given stay. A slot with taken places cannot be removed."""

    times: Times | UnsetType = UNSET
    capacity: SlotCapacity | UnsetType = UNSET
    weekdays: Weekdays | UnsetType = UNSET
    closed: Closed | UnsetType = msgspec.field(default=UNSET, name="except")


class WaitingRoomBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The waiting room of an event. Customers may join from `opens_at`; the order is drawn when the sale opens.

    A pass lasts `pass_seconds` and buys at most `places_per_pass`. Null for `max_inside` and `per_minute`: as many, and
    as fast, as stock and response times allow.
    """

    opens_at: Instant
    pass_seconds: PassSeconds = 600
    places_per_pass: PlacesPerCustomer = 4
    max_inside: InsideLimit | None = None
    per_minute: PerMinute | None = None


class WaitingListBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The waiting list of an event. Whoever is offered places has `offer_seconds` to pay for them.

    At `ends_at` what is left goes on sale; null: when the sale closes. `fill_gaps`: whoever waits for more places than
    return is passed over.
    """

    offer_seconds: OfferSeconds = 3600
    ends_at: Instant | None = None
    fill_gaps: bool = False


class TicketBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ticket to offer: a capacity, or sections of the event's venue. Of a timed event: neither.

    It offers the seats of its sections; or the places of one section without seats, whose tickets share its capacity.
    """

    ticket_type: Text
    price: PriceBody
    capacity: Capacity | UnsetType = UNSET
    section_ids: SectionIds | UnsetType = UNSET
    paused: bool = False
    hidden: bool = False
    sale_opens_at: Instant | None = None
    sale_closes_at: Instant | None = None
    min_quantity: LeastQuantity = 1

    EXAMPLE: ClassVar[Any] = {"ticket_type": "VIP", "price": Money.EXAMPLE, "capacity": 300}


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
    currency: CurrencyText = FIRST_CURRENCY
    description: LongText | None = None
    image_url: WebAddress | None = None
    tickets: Annotated[list[TicketBody], Meta(max_length=100)] = []
    schedule: ScheduleBody | UnsetType = UNSET
    waiting_room: WaitingRoomBody | None = None
    doors_open_at: Instant | None = None
    waiting_list: WaitingListBody | None = None

    EXAMPLE: ClassVar[Any] = {
        "name": "Big event",
        "starts_at": "2027-06-01T18:00:00Z",
        "timezone": "Europe/Warsaw",
        "status": "on_sale",
        "max_per_customer": 10,
        "hold_seconds": 900,
        "tickets": [{"ticket_type": "VIP", "price": Money.EXAMPLE, "capacity": 300}],
    }


class EventPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/events/{event_id}: missing fields stay.

    Null removes a window, a text, the waiting room, or the waiting list. Another currency keeps the amounts of prices:
    change them, too.
    """

    name: Text | UnsetType = UNSET
    starts_at: Instant | UnsetType = UNSET
    timezone: Text | UnsetType = UNSET
    venue_id: DatabaseId | UnsetType | None = UNSET
    status: EventStatus | UnsetType = UNSET
    sale_opens_at: Instant | UnsetType | None = UNSET
    sale_closes_at: Instant | UnsetType | None = UNSET
    hold_seconds: HoldSeconds | UnsetType = UNSET
    max_per_customer: PlacesPerCustomer | UnsetType = UNSET
    currency: CurrencyText | UnsetType = UNSET
    description: LongText | UnsetType | None = UNSET
    image_url: WebAddress | UnsetType | None = UNSET
    schedule: SchedulePatch | UnsetType = UNSET
    waiting_room: WaitingRoomBody | UnsetType | None = UNSET
    doors_open_at: Instant | UnsetType | None = UNSET
    waiting_list: WaitingListBody | UnsetType | None = UNSET

    EXAMPLE: ClassVar[Any] = {"max_per_customer": 8}


class TicketPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/tickets/{ticket_id}: missing fields stay; null removes a window.

    Held places keep their price.
    """

    ticket_type: Text | UnsetType = UNSET
    price: PriceBody | UnsetType = UNSET
    capacity: Capacity | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    sale_opens_at: Instant | UnsetType | None = UNSET
    sale_closes_at: Instant | UnsetType | None = UNSET
    min_quantity: LeastQuantity | UnsetType = UNSET

    EXAMPLE: ClassVar[Any] = {"capacity": 400}


_EVENT = msgspec.json.Decoder(EventBody)
_EVENT_PATCH = msgspec.json.Decoder(EventPatch)
_TICKET = msgspec.json.Decoder(TicketBody)
_TICKET_PATCH = msgspec.json.Decoder(TicketPatch)


async def create_event(request: web.Request) -> Reply:
    """POST /v1/events: creates an event.

    It is on sale everywhere with the 201, if its status and window say so.
    """
    body = await read_body(request, _EVENT)
    _check_timezone(body.timezone)
    _check_code(body.currency)
    _check_instants(body, ("starts_at", "doors_open_at", *_WINDOW))
    seating = await _venue(request, body.venue_id)
    _check_window(_ms(body.sale_opens_at), _ms(body.sale_closes_at))
    schedule = None if body.schedule is UNSET else _schedule(body.schedule, None)
    _check_waiting_list(body, timed=schedule is not None)
    offered = [
        _new_ticket(ticket, f"tickets[{place}].", seating, body.currency, timed=schedule is not None)
        for place, ticket in enumerate(body.tickets)
    ]

    async def create() -> Reply:
        new = NewEvent(**_event_fields(body), tickets=offered, schedule=schedule)
        return await event_reply(request, await request.app[EDITOR].create_event(new), status=201)

    return await once(request, "events", body, create)


async def change_event(request: web.Request) -> Reply:
    """PATCH /v1/events/{event_id}: changes the given fields."""
    event_id = path_id(request, "event_id", "event")
    patch = await read_body(request, _EVENT_PATCH)
    if patch.timezone is not UNSET:
        _check_timezone(patch.timezone)
    if patch.currency is not UNSET:
        _check_code(patch.currency)
    _check_instants(patch, ("starts_at", "doors_open_at", *_WINDOW))
    if patch.venue_id is not UNSET:
        await _venue(request, patch.venue_id)
    before = await _event_now(request, event_id)
    if before.schedule is not None and patch.timezone not in (UNSET, before.timezone):
        raise invalid("timezone", "the event has slots, so its time zone cannot change")
    _check_window(
        before.sale_opens_ms if patch.sale_opens_at is UNSET else _ms(patch.sale_opens_at),
        before.sale_closes_ms if patch.sale_closes_at is UNSET else _ms(patch.sale_closes_at),
    )
    _check_waiting_list(patch, timed=before.schedule is not None)
    fields = _event_fields(patch)
    if patch.schedule is not UNSET:
        if before.schedule is None:
            raise invalid("schedule", "the event is not timed: its tickets have places of their own")
        fields["schedule"] = _schedule(patch.schedule, before.schedule)
    event = await request.app[EDITOR].update_event(event_id, fields, wanted_revisions(request))
    if isinstance(event, OtherRevision):
        raise precondition_failed(f"Event {event_id}")
    if event is None:
        raise no_event(event_id)
    if isinstance(event, BelowTaken | InUse):
        raise problem_of(event)
    if isinstance(event, EventIsCancelled):
        raise Problem(Code.SALE_CLOSED, "The event is cancelled; that is final, no other status can follow.")
    if isinstance(event, WrongVenue):
        raise invalid("venue_id", "tickets offer sections of this venue, so it cannot change")
    return await event_reply(request, event)


async def add_ticket(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/tickets: adds a ticket."""
    event_id = path_id(request, "event_id", "event")
    body = await read_body(request, _TICKET)
    before = await _event_now(request, event_id)
    seating = await request.app[CATALOGUE].seating(before)
    offered = _new_ticket(body, "", seating, before.currency, timed=before.schedule is not None)

    async def add() -> Reply:
        event = await request.app[EDITOR].add_tickets(event_id, [offered])
        if event is None:
            raise no_event(event_id)
        if isinstance(event, WrongVenue):
            raise _no_section(event.section_ids[0])
        if isinstance(event, OtherCurrency):
            raise other_currency(event.given, event.currency)
        await request.app[CATALOGUE].refresh_everywhere()
        return await ticket_reply(request, event, event.tickets[-1].ticket_id, status=201)

    return await once(request, f"tickets of {event_id}", body, add)


async def change_ticket(request: web.Request) -> Reply:
    """PATCH /v1/tickets/{ticket_id}: changes the given fields."""
    ticket_id = path_id(request, "ticket_id", "ticket")
    patch = await read_body(request, _TICKET_PATCH)
    await _check_may_manage(request, ticket_id)
    if patch.capacity is not UNSET:
        await _check_has_capacity(request, ticket_id)
    _check_instants(patch, _WINDOW)
    await _check_window_of_ticket(request, ticket_id, patch)
    changes = {name: getattr(patch, name) for name in TicketChanges.__struct_fields__ if hasattr(patch, name)}
    event = await request.app[EDITOR].update_ticket(
        ticket_id,
        TicketChanges(
            unit_minor=UNSET if patch.price is UNSET else patch.price.amount,
            currency=UNSET if patch.price is UNSET else patch.price.currency,
            **changes,
        ),
        wanted_revisions(request),
    )
    if isinstance(event, OtherRevision):
        raise precondition_failed(f"Ticket {ticket_id}")
    if event is None:
        raise not_found(f"ticket {ticket_id}")
    if isinstance(event, BelowTaken | InUse):
        raise problem_of(event)
    if isinstance(event, OtherCurrency):
        raise other_currency(event.given, event.currency)
    await request.app[CATALOGUE].refresh_everywhere()
    return await ticket_reply(request, event, ticket_id)


async def delete_event(request: web.Request) -> Reply:
    """DELETE /v1/events/{event_id}: deletes an event that was never held or sold."""
    event_id = path_id(request, "event_id", "event")
    deleted = await request.app[EDITOR].delete_event(event_id, wanted_revisions(request))
    return await _deleted(request, f"Event {event_id}", deleted, no_event(event_id))


async def delete_ticket(request: web.Request) -> Reply:
    """DELETE /v1/tickets/{ticket_id}: deletes a ticket that was never held or sold."""
    ticket_id = path_id(request, "ticket_id", "ticket")
    await _check_may_manage(request, ticket_id)
    deleted = await request.app[EDITOR].delete_ticket(ticket_id, wanted_revisions(request))
    return await _deleted(request, f"Ticket {ticket_id}", deleted, not_found(f"ticket {ticket_id}"))


async def _deleted(
    request: web.Request, what: str, deleted: InUse | OtherRevision | EventSnapshot | None, none: Problem
) -> Reply:
    """The answer to a deletion, which every process knows by then. Raises Problem."""
    match deleted:
        case None:
            raise none
        case InUse():
            raise problem_of(deleted)
        case OtherRevision():
            raise precondition_failed(what)
        case EventSnapshot():
            await request.app[CATALOGUE].refresh_everywhere()
            return no_content()


async def _check_may_manage(request: web.Request, ticket_id: int) -> None:
    """Raises Problem forbidden for a ticket of an event that the manager's token is not good for."""
    caller = caller_of(request)
    if caller.events is not None:
        event = await request.app[CATALOGUE].event_of_ticket(ticket_id)
        caller.check_events([] if event is None else [event.event_id])


async def _event_now(request: web.Request, event_id: int) -> EventSnapshot:
    """The event with all that was changed until now. Raises Problem not_found."""
    await request.app[CATALOGUE].refresh()
    return await find_event(request, event_id)


def _event_fields(body: EventBody | EventPatch) -> dict[str, Any]:
    """The fields of an event that a body gives."""
    values = {name: getattr(body, name, UNSET) for name in EventFields.__struct_fields__}
    given = {name: value for name, value in values.items() if value is not UNSET}
    room = given.get("waiting_room")
    if room is not None:
        _check_instants(room, ("opens_at",), "waiting_room.")
        given["waiting_room"] = WaitingRoom(
            milliseconds(room.opens_at), room.pass_seconds, room.places_per_pass, room.max_inside, room.per_minute
        )
    waiting = given.get("waiting_list")
    if waiting is not None:
        _check_instants(waiting, ("ends_at",), "waiting_list.")
        ends_ms = milliseconds(waiting.ends_at) if waiting.ends_at else None
        given["waiting_list"] = WaitingList(waiting.offer_seconds, ends_ms, waiting.fill_gaps)
    return given


def _schedule(body: ScheduleBody | SchedulePatch, before: Schedule | None) -> Schedule:
    """The schedule that is asked for; what is not given is as before, if it was there. Raises Problem invalid."""
    known = before or Schedule([], 0)
    times = known.times if body.times is UNSET else _times(body.times)
    return Schedule(
        times=sorted(times),
        capacity=known.capacity if body.capacity is UNSET else body.capacity,
        weekdays=known.weekdays if body.weekdays is UNSET else _weekdays(body.weekdays),
        closed=known.closed if body.closed is UNSET else _closed(body.closed),
    )


def _times(texts: list[str]) -> list[time]:
    times = [parse_time(f"schedule.times[{place}]", text) for place, text in enumerate(texts)]
    for place, at in enumerate(times):
        if at in times[:place]:
            raise invalid(f"schedule.times[{place}]", "another slot begins at this time")
    return times


def _weekdays(days: list[int]) -> list[int]:
    if len(set(days)) < len(days):
        raise invalid("schedule.weekdays", "a day is listed more than once")
    return sorted(days)


def _closed(texts: list[str]) -> list[str]:
    """Dates and slots in their one spelling."""
    closed = set()
    for place, text in enumerate(texts):
        path = f"schedule.except[{place}]"
        day, separator, at = text.partition("T")
        date = parse_date(path, day)
        closed.add(slot_text(date, parse_time(path, at)) if separator else date.isoformat())
    return sorted(closed)


def _new_ticket(ticket: TicketBody, path: str, seating: Seating | None, currency: str, *, timed: bool) -> NewTicket:
    """Raises Problem: currency_not_supported, invalid, or not_found for a section that the venue does not have."""
    check_currency(ticket.price.currency, currency)
    _check_instants(ticket, _WINDOW, path)
    _check_window(_ms(ticket.sale_opens_at), _ms(ticket.sale_closes_at), path)
    own = {name: getattr(ticket, name) for name in (*_WINDOW, "paused", "hidden", "min_quantity")}
    own["currency"] = currency
    if timed:
        for name in ("capacity", "section_ids"):
            if getattr(ticket, name) is not UNSET:
                raise invalid(f"{path}{name}", "the slots of a timed event define its places; leave it out")
        return NewTicket(ticket.ticket_type, ticket.price.amount, **own)
    if ticket.section_ids is UNSET:
        if ticket.capacity is UNSET:
            raise invalid(f"{path}capacity", "required, but missing; or give section_ids")
        return NewTicket(ticket.ticket_type, ticket.price.amount, ticket.capacity, **own)
    if ticket.capacity is not UNSET:
        raise invalid(f"{path}capacity", "the sections of section_ids define the places; leave capacity out")
    if seating is None:
        raise invalid(f"{path}section_ids", "the event has no venue")
    if len(set(ticket.section_ids)) < len(ticket.section_ids):
        raise invalid(f"{path}section_ids", "a section is listed more than once")
    for section_id in ticket.section_ids:
        if seating.section(section_id) is None:
            raise _no_section(section_id)
    _check_one_kind(ticket.section_ids, seating, path)
    return NewTicket(ticket.ticket_type, ticket.price.amount, section_ids=ticket.section_ids, **own)


def _check_one_kind(section_ids: list[int], seating: Seating, path: str) -> None:
    """Raises Problem invalid for a section without seats beside others."""
    if len(section_ids) > 1:
        for place, section_id in enumerate(section_ids):
            section = seating.section(section_id)
            if section is not None and section.section.capacity:
                raise invalid(
                    f"{path}section_ids[{place}]",
                    "the section has no seats, so a ticket of it offers no other; make a ticket for each",
                )


def _no_section(section_id: int) -> Problem:
    return not_found(f"section {section_id} in the event's venue")


async def _check_has_capacity(request: web.Request, ticket_id: int) -> None:
    """Raises Problem invalid if the ticket has assigned seats, or is timed."""
    event = await request.app[CATALOGUE].event_of_ticket(ticket_id)
    if event and event.schedule:
        raise invalid("capacity", "the event's slots define the places")
    if event and any(ticket.ticket_id == ticket_id and ticket.assigned for ticket in event.tickets):
        raise invalid("capacity", "the seats of its sections define the places; block seats instead")
    if event and any(ticket.ticket_id == ticket_id and ticket.section_ids for ticket in event.tickets):
        raise invalid("capacity", "the section defines the places, which all of its tickets share")


async def event_reply(request: web.Request, event: EventSnapshot, *, status: int = 200) -> Reply:
    """An event as it was just changed, with its counts now."""
    await request.app[CATALOGUE].refresh_everywhere()
    counts = await request.app[STOCK].exact(event.event_id)
    location = f"/v1/events/{event.event_id}" if status == 201 else None
    return revised_reply(
        request, event_view(event, counts, wall_clock_ms()), event.revision, status=status, location=location
    )


def _check_code(currency: str) -> None:
    if currency not in MINOR_DIGITS:
        raise Problem(
            Code.CURRENCY_NOT_SUPPORTED,
            f"{currency!r} is no currency that one can pay with; give a code of ISO 4217, like EUR or JPY.",
        )


def _check_timezone(name: str) -> None:
    try:
        time_zone(name)
    except UnknownTimeZone as error:
        raise invalid("timezone", str(error)) from error


def _check_instants(
    body: EventBody | EventPatch | TicketBody | TicketPatch | WaitingRoomBody | WaitingListBody,
    names: tuple[str, ...],
    path: str = "",
) -> None:
    """Refuses what Postgres, or a datetime in UTC, cannot hold; and 0 ms, which means "no window" to the library."""
    for name in names:
        instant = getattr(body, name)
        if isinstance(instant, datetime) and not _EARLIEST <= instant < _LATEST:
            raise invalid(f"{path}{name}", f"must be from {_EARLIEST.year} to {_LATEST.year - 1}")


def _check_waiting_list(body: EventBody | EventPatch, *, timed: bool) -> None:
    """Raises Problem invalid for a waiting list of an event whose places are those of slots."""
    if timed and isinstance(body.waiting_list, WaitingListBody):
        raise invalid("waiting_list", "an event with a schedule has none: customers choose among its slots")


async def _venue(request: web.Request, venue_id: int | None) -> Seating | None:
    """The venue, None if none is named. Raises Problem not_found."""
    if venue_id is None:
        return None
    seating = await request.app[CATALOGUE].venue(venue_id)
    if seating is None:
        raise not_found(f"venue {venue_id}")
    return seating


def _check_window(opens_ms: int | None, closes_ms: int | None, path: str = "") -> None:
    if opens_ms is not None and closes_ms is not None and closes_ms <= opens_ms:
        raise invalid(f"{path}sale_closes_at", "must be later than sale_opens_at")


async def _check_window_of_ticket(request: web.Request, ticket_id: int, patch: TicketPatch) -> None:
    """Raises Problem invalid for a window that closes before it opens."""
    event = await request.app[CATALOGUE].event_of_ticket(ticket_id)
    if event is not None and ticket_id in event.ticket_by_id:
        before = event.ticket_by_id[ticket_id]
        _check_window(
            before.sale_opens_ms if patch.sale_opens_at is UNSET else _ms(patch.sale_opens_at),
            before.sale_closes_ms if patch.sale_closes_at is UNSET else _ms(patch.sale_closes_at),
        )


def _ms(instant: Instant | None) -> int | None:
    return None if instant is None else milliseconds(instant)
