"""Waiting lists: join, look, leave; and what managers see of them."""

from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from api.access.callers import caller_of
from api.access.client_address import limited_address
from api.access.named_customer import CustomerBody
from api.access.rate_limit_headers import tell_rates
from api.app_keys import ENGINE, POSTGRES
from api.catalogue.events import event_of_path, shown_event_of_path
from api.engine_problems import problem_of
from api.http.pagination import NumberInList, PageQuery, decode_cursor, encode_cursor
from api.http.problems import Problem, not_found
from api.http.replies import Reply, json_reply, no_content
from api.http.requests import DatabaseId, read_body, read_query
from api.http.text import EMAIL
from api.http.types import Page
from api.idempotency import Rendered, body_digest, idempotency_key, once
from api.read_your_writes import wait_for_outcomes
from api.sales.schemas import Customer
from api.sales.views import CustomerDetails
from api.waiting.views import ContactDetails, waiting_view
from engine.catalogue import EventSnapshot
from engine.commands.waiting_lists import DeclineWaiting, FindWaiting, Wait
from engine.ids import event_of, keyed_waiting_id, new_reservation_id
from engine.records import WaitingEntry
from engine.results.reservations import NotFound
from engine.results.waiting_lists import Waiting, WaitingDeclined, WaitingFound
from engine.words import WaitingState
from sync.read_models.waiting_lists import get_waiting, list_waiting

Email = Annotated[str, Meta(max_length=254, pattern=EMAIL)]
WaitingQuantity = Annotated[int, Meta(ge=1, le=100)]


class ContactBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address to which offers are sent."""

    email: Email


_NOBODY = CustomerBody()


class NewWaiting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/events/{event_id}/waiting-list."""

    ticket_id: DatabaseId
    quantity: WaitingQuantity
    contact: ContactBody
    customer: CustomerBody = _NOBODY

    EXAMPLE: ClassVar[Any] = {
        "ticket_id": 9,
        "quantity": 2,
        "customer": Customer.EXAMPLE,
        "contact": {"email": "islom@example.com"},
    }


class WaitingQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/events/{event_id}/waiting-list."""

    ticket_id: DatabaseId | None = None
    status: WaitingState | None = None


_NEW = msgspec.json.Decoder(NewWaiting)
_ENCODER = msgspec.json.Encoder()


async def join_waiting_list(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/waiting-list: gives the customer a place in the line of a ticket.

    The ticket has too few places; while it has enough, this is 409 `queue_closed` with `available`: reserve those.
    """
    event = await shown_event_of_path(request)
    body = await read_body(request, _NEW)
    caller = caller_of(request)
    customer_id = caller.acts_for(body.customer.id or None, "customer" if body.customer is _NOBODY else "customer.id")
    engine, key = request.app[ENGINE], idempotency_key(request)
    waiting_id = new_reservation_id(event.event_id)
    if key is not None:
        waiting_id = keyed_waiting_id(event.event_id, caller.scope, key, engine.id_secret(event.event_id))
    command = Wait(
        event.event_id,
        waiting_id,
        customer_id,
        _text(CustomerDetails(body.customer.first_name, body.customer.last_name)),
        _text(ContactDetails(body.contact.email)),
        "" if key is None else body_digest(body),
        body.ticket_id,
        body.quantity,
        limited_address(request),
    )

    async def act() -> Reply:
        result = await engine.submit(command)
        tell_rates(request, result)
        if not isinstance(result, Waiting):
            raise problem_of(result)
        return _joined(result.entry, result.position)

    async def render(source: bytes) -> Reply:
        waiting_id, position = msgspec.json.decode(source, type=tuple[str, int])
        entry, _ = await _find(request, event, waiting_id)
        return _joined(entry, position)

    return await once(request, f"waiting list of {event.event_id}", body, act, render)


async def read_waiting_entry(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/waiting-list/{waiting_id}: reads an entry, exact at this instant."""
    event = await event_of_path(request)
    return json_reply(waiting_view(*await _find(request, event, request.match_info["waiting_id"])))


async def leave_waiting_list(request: web.Request) -> Reply:
    """DELETE /v1/events/{event_id}/waiting-list/{waiting_id}: gives up a place in line, or an offer.

    Offered places go to the next in line in the same step. Safe to repeat.
    """
    event = await event_of_path(request)
    waiting_id = request.match_info["waiting_id"]
    await _find(request, event, waiting_id)
    result = await request.app[ENGINE].submit(DeclineWaiting(waiting_id))
    if not isinstance(result, WaitingDeclined | NotFound):  # what is not found had ended long ago
        raise problem_of(result)
    return no_content()


async def list_waiting_list(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/waiting-list: lists the entries of an event in their order, up to the request."""
    event = await event_of_path(request)
    query = read_query(request, WaitingQuery)
    after = decode_cursor(request.path, query.cursor, NumberInList)
    await wait_for_outcomes(request, event.event_id)
    listed = await list_waiting(
        request.app[POSTGRES],
        event.event_id,
        ticket_id=query.ticket_id,
        state=query.status,
        limit=query.limit,
        after=after,
    )
    items = [waiting_view(*found) for found in zip(listed.entries, listed.places, strict=True)]
    return json_reply(Page(items, None if listed.next is None else encode_cursor(request.path, listed.next)))


def _joined(entry: WaitingEntry, position: int) -> Reply:
    """The answer to a new entry; kept without names, because a repeat reads those again."""
    location = f"/v1/events/{entry.event_id}/waiting-list/{entry.waiting_id}"
    reply = json_reply(waiting_view(entry, position, as_joined=True), status=201, headers={"Location": location})
    return Rendered(reply, _ENCODER.encode((entry.waiting_id, position)))


async def _find(request: web.Request, event: EventSnapshot, waiting_id: str) -> tuple[WaitingEntry, int]:
    """The entry and its place in line. Raises Problem not_found, Fault, PostgresAway.

    A customer does not find those of others.
    """
    if event_of(waiting_id) != event.event_id:
        raise _no_entry()
    found = await request.app[ENGINE].submit(FindWaiting(waiting_id))
    position = 0
    if isinstance(found, WaitingFound):
        entry, position = found.entry, found.position
    else:
        entry = await _forgotten(request, waiting_id)
    if not caller_of(request).owns(entry.customer_id):
        raise _no_entry()
    return entry, position


async def _forgotten(request: web.Request, waiting_id: str) -> WaitingEntry:
    """An entry that Redis no longer keeps. Raises Problem not_found, PostgresAway."""
    entry = await get_waiting(request.app[POSTGRES], waiting_id)
    if entry is None:
        raise _no_entry()
    return entry


def _no_entry() -> Problem:
    return not_found("such place in the waiting list")


def _text(details: msgspec.Struct) -> str:
    return _ENCODER.encode(details).decode()
