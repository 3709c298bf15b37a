"""Reservations: take, look at, list, give back."""

from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from api.addresses import limited_address
from api.answers import Page, Reservation
from api.bodies import CustomerId, DatabaseId, Text, read_body, read_query
from api.callers import caller_of
from api.catalogue import Catalogue
from api.completeness import wait_for_outcomes
from api.idempotency import REPLAYED, body_digest, idempotency_key
from api.keys import CATALOGUE, ENGINE, POSTGRES
from api.pages import PageQuery, decode_cursor, encode_cursor, not_a_cursor
from api.problems import Code, Problem, invalid, not_found
from api.rates import tell_rates
from api.refusals import problem_of, seat_taken
from api.replies import Reply, json_reply, no_content
from api.seating import ItemBody, engine_items, past_slot
from api.times import wall_clock_ms
from api.views import CustomerDetails, reservation_view
from engine.catalogue import EventSnapshot
from engine.commands import Cancel, Find, Hold, items_text
from engine.engine import Engine
from engine.ids import event_of, keyed_reservation_id
from engine.records import Record
from engine.results import AlreadyPaid, Cancelled, Expired, Found, Held, NotFound, NotHeld, SeatTaken, SlotPast
from engine.words import State
from sync.reservations import get_reservation, is_place_in_list, list_reservations


class CustomerBody(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """Who reserves. A customer's token says the id; whoever else asks gives it."""

    id: CustomerId | UnsetType = UNSET
    first_name: Text | None = None
    last_name: Text | None = None


_NOBODY = CustomerBody()


class NewReservation(msgspec.Struct, gc=False, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/reservations. All items belong to one event."""

    items: Annotated[list[ItemBody], Meta(min_length=1, max_length=20)]
    customer: CustomerBody = _NOBODY


class ReservationsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/reservations."""

    event_id: DatabaseId | None = None
    ticket_id: DatabaseId | None = None
    customer_id: CustomerId | None = None
    status: State | None = None


_NEW_RESERVATION = msgspec.json.Decoder(NewReservation)
_DETAILS = msgspec.json.Encoder()


async def create_reservation(request: web.Request) -> Reply:
    """POST /v1/reservations: holds all items or none."""
    body = await read_body(request, _NEW_RESERVATION)
    app = request.app
    catalogue, engine, caller = app[CATALOGUE], app[ENGINE], caller_of(request)
    customer = body.customer
    customer_id = caller.acts_for(customer.id or None, "customer" if customer is _NOBODY else "customer.id")
    event = await _event_of_items(catalogue, engine, body.items)
    caller.check_events([event.event_id])
    seating = await catalogue.seating(event) if event.venue_id else None
    key = idempotency_key(request)
    if key is None:
        reservation_id, digest = engine.ids.new(event.event_id), ""
    else:
        reservation_id = keyed_reservation_id(event.event_id, caller.scope, key)
        digest = body_digest(body)
    details = CustomerDetails(customer.first_name, customer.last_name)
    result = await engine.submit(
        Hold(
            reservation_id,
            event.event_id,
            customer_id,
            _DETAILS.encode(details).decode(),
            digest,
            items_text(engine_items(body.items, event, seating)),
            address=limited_address(request),
        )
    )
    tell_rates(request, result)
    if isinstance(result, SeatTaken):
        raise seat_taken(result, seating)
    if isinstance(result, SlotPast):
        raise past_slot(body.items)
    if not isinstance(result, Held):
        raise problem_of(result)
    headers = {"Location": f"/v1/reservations/{reservation_id}"}
    if result.replayed:
        headers |= REPLAYED
    view = reservation_view(reservation_id, result.record, event, seating, result.now_ms, as_taken=True)
    return json_reply(view, status=201, headers=headers)


async def _event_of_items(catalogue: Catalogue, engine: Engine, items: list[ItemBody]) -> EventSnapshot:
    """The one event that all items belong to. Raises Problem, Fault: at once if the engine has no room for more."""
    event: EventSnapshot | None = None
    for position, item in enumerate(items):
        found = catalogue.recent_event_of_ticket(item.ticket_id)
        if found is None:
            known = catalogue.known_event_of_ticket(item.ticket_id)
            if known is not None:
                engine.check_room(known.event_id)
            found = await catalogue.event_of_ticket(item.ticket_id)
        if found is None:
            raise not_found(f"ticket {item.ticket_id}")
        if event is not None and found.event_id != event.event_id:
            raise invalid(f"items[{position}].ticket_id", "belongs to another event; reserve one event at a time")
        event = found
    assert event is not None, "a body has at least one item"  # noqa: S101 - the decoder's promise, for the type checker
    return event


async def find_reservation(request: web.Request, reservation_id: str) -> tuple[Record, int]:
    """The record, and the instant at which it was so. Raises Problem not_found, Fault, PostgresAway.

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
    """GET /v1/reservations/{reservation_id}: a reservation, exact at this instant."""
    reservation_id = request.match_info["reservation_id"]
    record, now_ms = await find_reservation(request, reservation_id)
    return json_reply(await show_reservation(request, reservation_id, record, now_ms))


async def cancel_reservation(request: web.Request) -> Reply:
    """DELETE /v1/reservations/{reservation_id}: gives the places back; again is fine."""
    reservation_id = request.match_info["reservation_id"]
    await check_reservation(request, reservation_id)
    result = await request.app[ENGINE].submit(Cancel(reservation_id))
    if isinstance(result, NotFound):
        _refuse_ended(await archived_reservation(request, reservation_id))
    elif not isinstance(result, Cancelled):
        raise problem_of(result)
    return no_content()


def _refuse_ended(record: Record) -> None:
    """What cancelling a reservation answers that ended so long ago that only Postgres knows it."""
    match record.state:
        case State.CANCELLED:
            return
        case State.PAID:
            raise problem_of(AlreadyPaid())
        case State.EXPIRED:
            raise problem_of(Expired())
        case State.REFUND_DUE | State.REFUNDED:
            raise problem_of(NotHeld())
        case State.HELD | State.PAYING:
            raise Problem(Code.INTERNAL, "The reservation is live, but the engine does not know it.")


async def list_all_reservations(request: web.Request) -> Reply:
    """GET /v1/reservations: reservations, newest first, with all that happened before the request."""
    query = read_query(request, ReservationsQuery)
    after = decode_cursor(query.cursor, tuple[int, str])
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
    return json_reply(Page(items, encode_cursor(listed.next) if listed.next else None))
