"""Creating, changing and deleting events. The catalogue is Postgres': with Postgres away these answer 503."""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import UNSET

from api.app_keys import EDITOR
from api.catalogue.bodies import EventBody, EventPatch, WaitingListBody
from api.catalogue.cache import CATALOGUE
from api.catalogue.events import no_event, refreshed_event
from api.catalogue.management_replies import deletion_reply, event_reply
from api.catalogue.sale_window import SALE_WINDOW, check_instants, check_window, optional_ms
from api.catalogue.schedule_bodies import schedule_of
from api.catalogue.seating import Seating
from api.catalogue.ticket_bodies import new_ticket
from api.engine_problems import problem_of
from api.http.entity_tags import precondition_failed, wanted_revisions
from api.http.problems import Code, Problem, invalid, not_found
from api.http.replies import Reply
from api.http.requests import path_id, read_body
from api.http.times import milliseconds
from api.idempotency import creation_of, once
from engine.catalogue import WaitingList, WaitingRoom
from engine.currencies import MINOR_DIGITS
from engine.results.events import BelowTaken, InUse
from engine.time_zones import UnknownTimeZone, time_zone
from sync.catalogue.fields import EventFields, NewEvent
from sync.catalogue.refusals import EventIsCancelled, OtherRevision, WrongVenue

_EVENT = msgspec.json.Decoder(EventBody)
_EVENT_PATCH = msgspec.json.Decoder(EventPatch)

_MOST_BYTES = 262_144
"""Of a body with an event: each of the 10,000 characters of a description may come as escapes of twelve bytes."""


async def create_event(request: web.Request) -> Reply:
    """POST /v1/events: creates an event.

    It is on sale everywhere with the 201, if its status and window say so.
    """
    body = await read_body(request.clone(client_max_size=_MOST_BYTES), _EVENT)
    _check_timezone(body.timezone)
    _check_code(body.currency)
    check_instants(body, ("starts_at", "doors_open_at", *SALE_WINDOW))
    seating = await _venue(request, body.venue_id)
    check_window(optional_ms(body.sale_opens_at), optional_ms(body.sale_closes_at))
    schedule = None if body.schedule is UNSET else schedule_of(body.schedule, None)
    _check_waiting_list(body, timed=schedule is not None)
    offered = [
        new_ticket(ticket, f"tickets[{place}].", seating, body.currency, timed=schedule is not None)
        for place, ticket in enumerate(body.tickets)
    ]

    async def create() -> Reply:
        new = NewEvent(**_event_fields(body), tickets=offered, schedule=schedule)
        made = await request.app[EDITOR].create_event(new, creation_of(request, "events", body))
        return await event_reply(request, made, status=201)

    return await once(request, "events", body, create)


async def change_event(request: web.Request) -> Reply:
    """PATCH /v1/events/{event_id}: changes the given fields."""
    event_id = path_id(request, "event_id", "event")
    patch = await read_body(request.clone(client_max_size=_MOST_BYTES), _EVENT_PATCH)
    if patch.timezone is not UNSET:
        _check_timezone(patch.timezone)
    if patch.currency is not UNSET:
        _check_code(patch.currency)
    check_instants(patch, ("starts_at", "doors_open_at", *SALE_WINDOW))
    if patch.venue_id is not UNSET:
        await _venue(request, patch.venue_id)
    before = await refreshed_event(request, event_id)
    if before.schedule is not None and patch.timezone not in (UNSET, before.timezone):
        raise invalid("timezone", "the event has slots, so its time zone cannot change")
    check_window(
        before.sale_opens_ms if patch.sale_opens_at is UNSET else optional_ms(patch.sale_opens_at),
        before.sale_closes_ms if patch.sale_closes_at is UNSET else optional_ms(patch.sale_closes_at),
    )
    _check_waiting_list(patch, timed=before.schedule is not None)
    fields = _event_fields(patch)
    if patch.schedule is not UNSET:
        if before.schedule is None:
            raise invalid("schedule", "the event is not timed: its tickets have places of their own")
        fields["schedule"] = schedule_of(patch.schedule, before.schedule)
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


async def delete_event(request: web.Request) -> Reply:
    """DELETE /v1/events/{event_id}: deletes an event that was never held or sold."""
    event_id = path_id(request, "event_id", "event")
    deleted = await request.app[EDITOR].delete_event(event_id, wanted_revisions(request))
    return await deletion_reply(request, f"Event {event_id}", deleted, no_event(event_id))


def _event_fields(body: EventBody | EventPatch) -> dict[str, Any]:
    """The fields of an event that a body gives."""
    values = {name: getattr(body, name, UNSET) for name in EventFields.__struct_fields__}
    given = {name: value for name, value in values.items() if value is not UNSET}
    room = given.get("waiting_room")
    if room is not None:
        check_instants(room, ("opens_at",), "waiting_room.")
        given["waiting_room"] = WaitingRoom(
            milliseconds(room.opens_at), room.pass_seconds, room.places_per_pass, room.max_inside, room.per_minute
        )
    waiting = given.get("waiting_list")
    if waiting is not None:
        check_instants(waiting, ("ends_at",), "waiting_list.")
        ends_ms = milliseconds(waiting.ends_at) if waiting.ends_at else None
        given["waiting_list"] = WaitingList(waiting.offer_seconds, ends_ms, waiting.fill_gaps)
    return given


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
