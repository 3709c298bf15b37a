"""Reservations: create, read, list, cancel."""

from typing import Annotated, Any, ClassVar, NamedTuple

import msgspec
from aiohttp import web
from msgspec import Meta

from api.access.callers import Caller, Role, caller_of
from api.access.client_address import limited_address
from api.access.code_guesses import CODE_GUESSES
from api.access.named_customer import CustomerBody
from api.access.rate_limit_headers import tell_rates
from api.app_keys import ENGINE, POSTGRES, SETTINGS
from api.auditing import FROM_BLOCKED, OVERRIDE_LIMIT, overriding
from api.catalogue.cache import CATALOGUE
from api.catalogue.events import is_shown
from api.catalogue.seating import Seating
from api.engine_problems import code_of, problem_of, refused
from api.http.pagination import PageQuery, decode_cursor, encode_cursor, not_a_cursor
from api.http.problems import Problem, forbidden, invalid, not_found
from api.http.replies import Reply, json_reply, no_content
from api.http.requests import DatabaseId, check_currency, read_body, read_query
from api.http.text import CustomerId, NamedCode
from api.http.times import wall_clock_ms
from api.http.types import Page
from api.idempotency import (
    REPLAYED,
    body_digest,
    check_event_of_key,
    idempotency_key,
    keep_event_of_key,
    key_beside_command,
)
from api.metrics import METRICS
from api.read_your_writes import wait_for_outcomes
from api.sales.expected_total import ExpectedTotal, expected_minor
from api.sales.held_texts import HELD_TEXTS
from api.sales.items import ItemBody, earliest_slot, engine_items
from api.sales.schemas import Customer, Reservation
from api.sales.views import CustomerDetails, reservation_view
from engine.catalogue import EventSnapshot
from engine.commands.holds import Cancel, Hold, HoldRefusal, HoldResult
from engine.commands.items import items_text
from engine.commands.reservations import Find
from engine.ids import event_of, keyed_reservation_id
from engine.records import Record
from engine.results.bookings import SlotPast
from engine.results.codes import CodeUnknown
from engine.results.holds import BelowMinimum, Cancelled, Held
from engine.results.reservations import Found, NotFound
from engine.results.seats import SeatTaken
from engine.words import State
from sync.read_models.reservations import get_reservation, is_place_in_list, list_reservations

_NOBODY = CustomerBody()


class NewReservation(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/reservations. All items belong to one event.

    `expected_total`: at another one nothing is held. `code`: under whose terms the places are taken. Managers and
    services may set rules aside: `override_limit` lets the customer have more than `max_per_customer`, and
    `from_blocked` takes named seats that are blocked.
    """

    items: Annotated[list[ItemBody], Meta(min_length=1, max_length=20)]
    customer: CustomerBody = _NOBODY
    expected_total: ExpectedTotal | None = None
    code: NamedCode | None = None
    override_limit: bool = False
    from_blocked: bool = False

    @property
    def overrides(self) -> tuple[str, ...]:
        """The rules that are set aside."""
        if not (self.override_limit or self.from_blocked):
            return ()
        rules = {OVERRIDE_LIMIT: self.override_limit, FROM_BLOCKED: self.from_blocked}
        return tuple(rule for rule, is_asked in rules.items() if is_asked)

    EXAMPLE: ClassVar[Any] = {"items": [{"ticket_id": 1, "quantity": 2}], "customer": Customer.EXAMPLE}


class ReservationsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/reservations."""

    event_id: DatabaseId | None = None
    ticket_id: DatabaseId | None = None
    customer_id: CustomerId | None = None
    status: State | None = None


class PreparedHold(NamedTuple):
    """A hold ready to be sent, with the data of its answer."""

    command: Hold
    body: NewReservation
    event: EventSnapshot
    seating: Seating | None


NEW_RESERVATION = msgspec.json.Decoder(NewReservation)
LOCATION = "/v1/reservations/%s"
_DETAILS = msgspec.json.Encoder()


async def create_reservation(request: web.Request) -> Reply:
    """POST /v1/reservations: holds all items or none."""
    body = await read_body(request, NEW_RESERVATION)
    app = request.app
    catalogue, caller = app[CATALOGUE], caller_of(request)
    _customer_of(caller, body)
    event = await event_of_items(request, body.items)
    seating = await catalogue.seating(event) if event.venue_id else None
    prepared = prepare_hold(request, caller, body, event, seating)
    if (key := idempotency_key(request)) is not None:
        await check_event_of_key(request, "reservations", key, event.event_id)
    with overriding("create_reservation", body.overrides):
        result = await app[ENGINE].submit(prepared.command)
    if key is not None and isinstance(result, Held):
        keep_event_of_key(request, "reservations", key)
    return hold_reply(request, prepared, result)


def _customer_of(caller: Caller, body: NewReservation) -> str:
    """Raises Problem: forbidden, invalid."""
    customer = body.customer
    return caller.acts_for(customer.id or None, "customer" if customer is _NOBODY else "customer.id")


def _check_overrides(caller: Caller, body: NewReservation, event: EventSnapshot) -> None:
    """Raises Problem: forbidden for customers, invalid where no seats are named that could be blocked."""
    if not body.overrides:
        return
    if caller.role is Role.CUSTOMER:
        raise forbidden(f"{body.overrides[0]} is for managers and services; leave it out.")
    for place, item in enumerate(body.items if body.from_blocked else ()):
        if event.ticket_by_id[item.ticket_id].section_ids and item.seat_ids is None:
            raise invalid(f"items[{place}].seat_ids", "required with from_blocked, but missing: name the blocked seats")
    if body.from_blocked and body.code is not None:
        raise invalid("from_blocked", "cannot go with a code; leave one of both out")
    if body.from_blocked and all(item.seat_ids is None for item in body.items):
        raise invalid("from_blocked", "no item names seats; leave it out")


def prepare_hold(
    request: web.Request, caller: Caller, body: NewReservation, event: EventSnapshot, seating: Seating | None
) -> PreparedHold:
    """The command for a body, all of whose items are of the event. Raises Problem."""
    customer, customer_id = body.customer, _customer_of(caller, body)
    caller.check_events([event.event_id])
    if body.code is not None:
        request.app[CODE_GUESSES].check(request)
    _check_overrides(caller, body, event)
    engine = request.app[ENGINE]
    key = idempotency_key(request)
    if key is None:
        reservation_id, digest, beside = engine.ids.new(event.event_id), "", ""
    else:
        reservation_id = keyed_reservation_id(event.event_id, caller.scope, key, engine.id_secret(event.event_id))
        digest, beside = body_digest(body), key_beside_command(request, "reservations", key)
    details = CustomerDetails(customer.first_name, customer.last_name)
    command = Hold(
        reservation_id,
        event.event_id,
        customer_id,
        _DETAILS.encode(details).decode(),
        digest,
        items_text(engine_items(body.items, event, seating, request.app[SETTINGS].slot_horizon_days)),
        address=limited_address(request),
        expected_minor=expected_minor(body.expected_total, event.currency),
        code=body.code or "",
        over_limit=body.override_limit,
        from_blocked=body.from_blocked,
        key=beside,
    )
    return PreparedHold(command, body, event, seating)


def hold_reply(request: web.Request, prepared: PreparedHold, result: HoldResult) -> Reply:
    """The answer to a hold. Raises Problem."""
    tell_rates(request, result)
    if not isinstance(result, Held):
        return _refused(request, prepared, result)
    reservation_id, event, seating = prepared.command.reservation_id, prepared.event, prepared.seating
    headers = {"Location": LOCATION % reservation_id}
    if result.replayed:
        headers |= REPLAYED
    text = request.app[HELD_TEXTS].body(reservation_id, result.record, event, seating)
    if text is not None:
        return Reply(text, {"Content-Type": "application/json", **headers}, 201)
    view = reservation_view(reservation_id, result.record, event, seating, result.now_ms, as_taken=True)
    return json_reply(view, status=201, headers=headers)


def _refused(request: web.Request, prepared: PreparedHold, result: HoldRefusal) -> Reply:
    """The answer to a hold that is refused. Raises Problem."""
    _, body, event, seating = prepared
    request.app[METRICS].count_refused_hold(event.event_id, code_of(result))
    if isinstance(result, SeatTaken | SlotPast):
        raise problem_of(result, seating, earliest_slot(body.items))
    if isinstance(result, BelowMinimum):
        raise below_minimum(result, body.items)
    if isinstance(result, CodeUnknown):
        request.app[CODE_GUESSES].failed(request)
    return refused(result)


def below_minimum(refusal: BelowMinimum, items: list[ItemBody]) -> Problem:
    """The problem of the first item of a ticket that is sold in more places than all of its items ask for."""
    place = next(place for place, item in enumerate(items) if item.ticket_id == refusal.ticket_id)
    (wrong,) = problem_of(refusal).members["fields"]
    return invalid(f"items[{place}].{wrong.path}", wrong.message)


async def event_of_items(request: web.Request, items: list[ItemBody]) -> EventSnapshot:
    """The one event that all items belong to. Raises Problem, Fault."""
    catalogue, event = request.app[CATALOGUE], None
    for position, item in enumerate(items):
        found = await catalogue.event_of_ticket(item.ticket_id)
        if found is None or not is_shown(request, found):
            raise not_found(f"ticket {item.ticket_id}")
        if event is not None and found.event_id != event.event_id:
            raise invalid(f"items[{position}].ticket_id", "belongs to another event; reserve one event at a time")
        event = found
    assert event is not None, "a body has at least one item"  # noqa: S101 - the decoder's promise, for the type checker
    return event


async def find_reservation(request: web.Request, reservation_id: str) -> tuple[Record, int]:
    """The record, and its instant. Raises Problem not_found, Fault, PostgresAway.

    A customer does not find those of others.
    """
    if event_of(reservation_id) is None:
        raise not_found("such reservation")
    found = await request.app[ENGINE].submit(Find(reservation_id))
    if isinstance(found, Found):
        record, now_ms = found.record, found.now_ms
    else:
        record, now_ms = await archived_reservation(request, reservation_id), wall_clock_ms()
    if not caller_of(request).owns(record.customer_id):
        raise not_found("such reservation")
    return record, now_ms


async def check_reservation(request: web.Request, reservation_id: str) -> None:
    """Before a reservation is changed. Raises Problem not_found for none, and for that of another customer."""
    if event_of(reservation_id) is None:
        raise not_found("such reservation")
    if caller_of(request).owner:
        await find_reservation(request, reservation_id)


async def check_currency_of(request: web.Request, reservation_id: str, currency: str) -> None:
    """Raises Problem currency_not_supported for another currency than that of the reservation's event."""
    event = await request.app[CATALOGUE].event(event_of(reservation_id) or 0)
    if event is not None:
        check_currency(currency, event.currency)


async def archived_reservation(request: web.Request, reservation_id: str) -> Record:
    """The record of a reservation that Redis does not know (any more). Raises Problem not_found, PostgresAway."""
    archived = await get_reservation(request.app[POSTGRES], reservation_id)
    if archived is None:
        raise not_found("such reservation")
    return archived.record


async def show_reservation(request: web.Request, reservation_id: str, record: Record, now_ms: int) -> Reservation:
    """A reservation as the API shows it."""
    catalogue = request.app[CATALOGUE]
    event = await catalogue.event(record.event_id)
    seating = await catalogue.seating(event) if event else None
    return reservation_view(reservation_id, record, event, seating, now_ms)


async def read_reservation(request: web.Request) -> Reply:
    """GET /v1/reservations/{reservation_id}: reads a reservation, exact at this instant."""
    reservation_id = request.match_info["reservation_id"]
    record, now_ms = await find_reservation(request, reservation_id)
    return json_reply(await show_reservation(request, reservation_id, record, now_ms))


async def cancel_reservation(request: web.Request) -> Reply:
    """DELETE /v1/reservations/{reservation_id}: cancels a reservation and gives its places back. Safe to repeat."""
    reservation_id = request.match_info["reservation_id"]
    await check_reservation(request, reservation_id)
    engine = request.app[ENGINE]
    result = await engine.submit(Cancel(reservation_id))
    if isinstance(result, NotFound):
        result = await engine.submit(Cancel(reservation_id, await archived_reservation(request, reservation_id)))
    if not isinstance(result, Cancelled):
        raise problem_of(result)
    return no_content()


async def list_all_reservations(request: web.Request) -> Reply:
    """GET /v1/reservations: lists reservations, newest first, up to the request."""
    query = read_query(request, ReservationsQuery)
    after = decode_cursor(request.path, query.cursor, tuple[int, str])
    if after is not None and not is_place_in_list(after):
        raise not_a_cursor()
    caller, customer_id = caller_of(request), query.customer_id
    if caller.owner:
        customer_id = caller.acts_for(customer_id, "customer_id")
    caller.check_events([] if query.event_id is None else [query.event_id])
    await wait_for_outcomes(request, query.event_id)
    listed = await list_reservations(
        request.app[POSTGRES],
        event_id=query.event_id,
        ticket_id=query.ticket_id,
        customer_id=customer_id,
        status=query.status,
        of_events=caller.events,
        limit=query.limit,
        after=after,
    )
    now_ms = wall_clock_ms()
    items = [
        await show_reservation(request, reservation.reservation_id, reservation.record, now_ms)
        for reservation in listed.reservations
    ]
    return json_reply(Page(items, encode_cursor(request.path, listed.next) if listed.next else None))
