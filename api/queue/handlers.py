"""Waiting rooms: join, look, enter, leave; and what their managers say."""

from typing import Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from api.access.callers import caller_of
from api.access.client_address import limited_address
from api.access.named_customer import CustomerBody
from api.access.rate_limit_headers import tell_rates
from api.app_keys import EDITOR, ENGINE, SETTINGS
from api.catalogue.bodies import InsideLimit, PerMinute
from api.catalogue.events import event_of_path, shown_event_of_path
from api.catalogue.page_replies import PageReplies
from api.engine_problems import problem_of
from api.http.problems import Problem, invalid, not_found
from api.http.replies import Reply, json_reply, no_content
from api.http.requests import read_body, read_query
from api.http.text import CustomerId, Text
from api.queue.rooms import ROOMS, KnownRoom
from api.queue.views import place_view
from engine.catalogue import EventSnapshot
from engine.commands.waiting_rooms import EnterQueue, FindPlace, JoinQueue, LeaveQueue, SetQueue
from engine.results.reservations import NotFound
from engine.results.waiting_rooms import Left, Placed, QueueState
from engine.waiting_rooms import new_proposal


class PlaceQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query about a place in a waiting room. A customer's token says the id; every other caller gives it."""

    customer_id: CustomerId | None = None


class QueueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a request for a place in a waiting room, or none. It names the customer, if the query does not."""

    customer: CustomerBody | None = None

    EXAMPLE: ClassVar[Any] = {"customer": {"id": "22"}}


class QueuePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/events/{event_id}/queue: missing fields stay; null removes a limit, or the message.

    The limits count until those of the event itself are changed.
    """

    paused: bool | UnsetType = UNSET
    max_inside: InsideLimit | UnsetType | None = UNSET
    per_minute: PerMinute | UnsetType | None = UNSET
    message: Text | UnsetType | None = UNSET

    EXAMPLE: ClassVar[Any] = {"paused": True, "message": "The sale goes on in ten minutes."}


_BODY = msgspec.json.Decoder(QueueBody)
_PATCH = msgspec.json.Decoder(QueuePatch)


async def join_queue(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/queue: gives the customer a place. Repeated: the same place, with 200."""
    event, customer_id = await _asked(request, await _read_customer(request))
    command = JoinQueue(event.event_id, customer_id, *new_proposal(), limited_address(request))
    result = await request.app[ENGINE].submit(command)
    tell_rates(request, result)
    if not isinstance(result, Placed):
        raise problem_of(result)
    view = place_view(event.event_id, customer_id, result)
    if result.replayed:
        return json_reply(view)
    return json_reply(view, status=201, headers={"Location": f"/v1/events/{event.event_id}/queue/place"})


async def read_queue(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/queue: reads the waiting room, at most a second old."""
    return await PageReplies(request.app[SETTINGS]).reply(request, (await _room(request)).page)


async def read_queue_audit(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/queue/audit: reads what proves the order of the waiting room."""
    return await PageReplies(request.app[SETTINGS]).reply(request, (await _room(request)).audit)


async def read_place(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/queue/place: reads the customer's place, exact at this instant."""
    event, customer_id = await _asked(request)
    result = await request.app[ENGINE].submit(FindPlace(event.event_id, customer_id))
    if isinstance(result, NotFound):
        raise _no_place()
    if not isinstance(result, Placed):
        raise problem_of(result)
    return json_reply(place_view(event.event_id, customer_id, result))


async def enter_queue(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/queue/enter: lets the customer in. Repeated: the same pass, until it ends."""
    event, customer_id = await _asked(request, await _read_customer(request))
    result = await request.app[ENGINE].submit(EnterQueue(event.event_id, customer_id, limited_address(request)))
    tell_rates(request, result)
    if isinstance(result, NotFound):
        raise _no_place()
    if not isinstance(result, Placed):
        raise problem_of(result)
    return json_reply(place_view(event.event_id, customer_id, result))


async def leave_queue(request: web.Request) -> Reply:
    """DELETE /v1/events/{event_id}/queue/place: gives up the place and its pass. Safe to repeat."""
    event, customer_id = await _asked(request)
    result = await request.app[ENGINE].submit(LeaveQueue(event.event_id, customer_id))
    if not isinstance(result, Left):
        raise problem_of(result)
    return no_content()


async def change_queue(request: web.Request) -> Reply:
    """PATCH /v1/events/{event_id}/queue: pauses or resumes admission, changes its limits, tells everybody something."""
    event = await event_of_path(request)
    patch = await read_body(request, _PATCH)
    command = SetQueue(
        event.event_id,
        *new_proposal(),
        paused=[] if patch.paused is UNSET else [int(patch.paused)],
        max_inside=[] if patch.max_inside is UNSET else [patch.max_inside or 0],
        per_minute=[] if patch.per_minute is UNSET else [patch.per_minute or 0],
        message=[] if patch.message is UNSET else [patch.message or ""],
    )
    result = await request.app[EDITOR].change_queue(command, msgspec.to_builtins(patch))
    known = request.app[ROOMS].learn(event.event_id, result)
    if known is None:
        raise problem_of(result) if not isinstance(result, QueueState) else no_room(event.event_id)
    return json_reply(known.view)


def no_room(event_id: int) -> Problem:
    """404 about a waiting room."""
    return not_found(f"waiting room of event {event_id}")


async def _read_customer(request: web.Request) -> str | None:
    """The id of the customer whom the body names. Raises Problem as `read_body` does."""
    body = await read_body(request, _BODY) if request.body_exists else QueueBody()
    return body.customer.given_id if body.customer else None


async def _asked(request: web.Request, named: str | None = None) -> tuple[EventSnapshot, str]:
    """The event of the path, and the customer; `named`: by the body. Raises Problem: not_found, forbidden, invalid."""
    query = read_query(request, PlaceQuery)
    event = await event_of_path(request)
    asked, path = (query.customer_id, "customer_id") if named is None else (named, "customer.id")
    if query.customer_id not in (None, asked):
        raise invalid(path, "another customer than customer_id of the query; name one")
    customer_id = caller_of(request).acts_for(asked, path)
    if event.waiting_room is None or (event.status == "draft" and caller_of(request).owner):
        raise no_room(event.event_id)
    return event, customer_id


async def _room(request: web.Request) -> KnownRoom:
    """The room of the event of the path. Raises Problem not_found, Fault."""
    event = await shown_event_of_path(request)
    room = await request.app[ROOMS].room(event.event_id) if event.waiting_room else None
    if room is None:
        raise no_room(event.event_id)
    return room


def _no_place() -> Problem:
    return not_found("such place: the customer has not joined")
