"""Bookings of slots: free of charge, by name and phone."""

from datetime import date, time
from typing import NamedTuple

import msgspec
from aiohttp import web
from msgspec import UNSET

from api.access.callers import Caller, caller_of
from api.access.client_address import limited_address
from api.access.rate_limit_headers import tell_rates
from api.app_keys import ENGINE, POSTGRES, SETTINGS
from api.catalogue.events import event_of_path, shown_event_of_path
from api.catalogue.schedule import (
    SlotWanted,
    parse_date,
    parse_time,
    schedule_of,
    scheduled_slot,
)
from api.engine_problems import WishedSlot, code_of, problem_of
from api.http.entity_tags import precondition_failed, revised_reply, wanted_revisions
from api.http.pagination import decode_cursor, encode_cursor, not_a_cursor
from api.http.problems import Problem, not_found
from api.http.replies import Reply, json_reply, no_content
from api.http.requests import path_id, read_body, read_query
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
from api.timed.bodies import BookingPatch, BookingsQuery, NewBooking, check_phone
from api.timed.views import BookerDetails, booking_view, decoded, encoded, ended_ms, live_status
from engine.catalogue import EventSnapshot
from engine.commands.bookings import Book, FindBooking, Move, MoveResult, Unbook
from engine.ids import keyed_booking_id, new_booking_id
from engine.records import Booking
from engine.results.bookings import Booked, BookingChanged, BookingExpired, BookingFound, Moved, Unbooked
from engine.results.reservations import NotFound
from engine.slots import is_booking_id, is_slot, parse_slot
from sync.read_models.bookings import get_booking, list_bookings

_TRIES = 5
"""The number of attempts to repeat a change after another change came first."""

_NEW = msgspec.json.Decoder(NewBooking)
_PATCH = msgspec.json.Decoder(BookingPatch)
_CHANGEABLE = ("first_name", "last_name", "phone_number")


async def create_booking(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/bookings: books a place of the slot."""
    _check_room(request)
    event = await shown_event_of_path(request)
    schedule_of(event)
    body = await read_body(request, _NEW)
    caller = caller_of(request)
    customer_id = _customer_of(caller, body)
    details = encoded(BookerDetails(body.first_name, body.last_name, check_phone(body.phone_number), customer_id))
    wanted = _wanted(request, event, parse_date("date", body.date), parse_time("time", body.time))
    key = idempotency_key(request)
    if key is None:
        booking_id, digest, beside = new_booking_id(), "", ""
    else:
        await check_event_of_key(request, "bookings", key, event.event_id)
        secret = request.app[ENGINE].id_secret(event.event_id)
        booking_id = keyed_booking_id(event.event_id, caller.scope, key, secret)
        digest, beside = body_digest(body), key_beside_command(request, "bookings", key)
    who = body.phone_number, customer_id, limited_address(request)
    result = await request.app[ENGINE].submit(Book(event.event_id, booking_id, *wanted, details, digest, *who, beside))
    tell_rates(request, result)
    if not isinstance(result, Booked):
        request.app[METRICS].count_refused_hold(event.event_id, code_of(result))
        raise problem_of(result, slot=WishedSlot(wanted.slot, ("date", "time")))
    if key is not None:
        keep_event_of_key(request, "bookings", key)
    # As it was taken, without later changes.
    taken = msgspec.structs.replace(result.booking, slot=wanted.slot, details=details)
    location = f"/v1/events/{event.event_id}/bookings/{booking_id}"
    view, revision = booking_view(event, taken, result.booking.created_ms), result.booking.changed_ms
    reply = revised_reply(request, view, revision, status=201, location=location)
    if result.replayed:
        reply.headers.update(REPLAYED)
    return reply


async def read_booking(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/bookings/{booking_id}: reads a booking, exact at this instant."""
    event = await _timed_event(request)
    booking, now_ms = await _find(request, event, _id_of_path(request))
    return revised_reply(request, booking_view(event, booking, now_ms), booking.changed_ms)


async def change_booking(request: web.Request) -> Reply:
    """PATCH /v1/events/{event_id}/bookings/{booking_id}: changes all given fields, or nothing."""
    _check_room(request)
    event = await _timed_event(request)
    booking_id = _id_of_path(request)
    patch = await read_body(request, _PATCH)
    asked = _Asked(
        None if patch.date is UNSET else parse_date("date", patch.date),
        None if patch.time is UNSET else parse_time("time", patch.time),
        {name: value for name in _CHANGEABLE if (value := getattr(patch, name)) is not UNSET},
    )
    if patch.phone_number is not UNSET:
        check_phone(patch.phone_number)
    revisions = wanted_revisions(request)
    move = await _move(request, event, booking_id, asked)
    result = await request.app[ENGINE].submit(move)
    if revisions is not None and _has_changed(result, move.changed_ms):
        raise _changed_meanwhile(booking_id)
    for _ in range(_TRIES):
        if not isinstance(result, BookingChanged):
            break
        move = await _move(request, event, booking_id, asked)
        result = await request.app[ENGINE].submit(move)
    tell_rates(request, result)
    if isinstance(result, NotFound):
        raise await _why_not_there(request, event, booking_id)
    if not isinstance(result, Moved):
        paths = tuple(name for name in ("date", "time") if getattr(patch, name) is not UNSET)
        raise problem_of(result, slot=WishedSlot(move.slot, paths) if paths else None)
    return revised_reply(request, booking_view(event, result.booking, result.now_ms), result.booking.changed_ms)


def _has_changed(result: MoveResult, changed_ms: int) -> bool:
    """True if somebody else has changed the booking, be it to the same."""
    if isinstance(result, Moved):
        return result.replayed and result.booking.changed_ms != changed_ms
    return isinstance(result, BookingChanged)


def _changed_meanwhile(booking_id: str) -> Problem:
    return precondition_failed(f"Booking {booking_id}")


class _Asked(NamedTuple):
    """Changes of a booking; None, or not named: stays."""

    day: date | None
    at: time | None
    given: dict[str, str]


async def _move(request: web.Request, event: EventSnapshot, booking_id: str, asked: _Asked) -> Move:
    """The change, made from what the booking is at this moment; no other change is lost unseen.

    Raises Problem precondition_failed, or as `_find`.
    """
    before = await _find_wanted(request, event, booking_id)
    day, at = parse_slot(before.slot)
    wanted = SlotWanted("", 0)
    new_day, new_time = asked.day or day, at if asked.at is None else asked.at
    if (new_day, new_time) != (day, at):
        wanted = _wanted(request, event, new_day, new_time)
    details = msgspec.structs.replace(decoded(before), **asked.given)
    return Move(
        event.event_id,
        booking_id,
        *wanted,
        encoded(details) if asked.given else "",
        details.phone_number,
        before.changed_ms,
        caller_of(request).owner,
        limited_address(request),
    )


async def delete_booking(request: web.Request) -> Reply:
    """DELETE /v1/events/{event_id}/bookings/{booking_id}: deletes a booking and frees its place."""
    event = await _timed_event(request)
    booking_id = _id_of_path(request)
    changed_ms = 0
    if wanted_revisions(request) is not None:
        changed_ms = (await _find_wanted(request, event, booking_id)).changed_ms
    elif caller_of(request).owner:
        await _find(request, event, booking_id)
    result = await request.app[ENGINE].submit(Unbook(event.event_id, booking_id, new_booking_id(), changed_ms))
    if isinstance(result, BookingChanged):
        raise _changed_meanwhile(booking_id)
    if isinstance(result, NotFound):
        raise await _why_not_there(request, event, booking_id)
    if not isinstance(result, Unbooked):
        raise problem_of(result)
    return no_content()


async def list_all_bookings(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/bookings: lists bookings by slot, up to the request."""
    event = await _timed_event(request)
    query = read_query(request, BookingsQuery)
    day = None if query.date is None else parse_date("date", query.date)
    at = None if query.time is None else parse_time("time", query.time)
    after = decode_cursor(request.path, query.cursor, tuple[str, str])
    if after is not None and not (is_slot(after[0]) and is_booking_id(after[1])):
        raise not_a_cursor()
    await wait_for_outcomes(request, event.event_id)
    now_ms = wall_clock_ms()
    if query.status not in (None, "expired", live_status(event)):
        return json_reply(Page([], None))
    listed = await list_bookings(
        request.app[POSTGRES],
        event.event_id,
        day=day,
        at=at,
        expired=None if query.status is None else query.status == "expired",
        now_ms=ended_ms(event, now_ms),
        limit=query.limit,
        after=after,
    )
    items = [booking_view(event, booking, now_ms) for booking in listed.bookings]
    return json_reply(Page(items, encode_cursor(request.path, listed.next) if listed.next else None))


def _customer_of(caller: Caller, body: NewBooking) -> str:
    """The customer who books, empty for a booking of staff for nobody. Raises Problem forbidden."""
    if body.customer is None:
        return caller.owner
    return caller.acts_for(body.customer.id, "customer.id")


def _check_room(request: web.Request) -> None:
    """Before anything is waited for. Raises Problem not_found, or Fault where the engine has no room for more."""
    request.app[ENGINE].check_room(path_id(request, "event_id", "event"))


async def _timed_event(request: web.Request) -> EventSnapshot:
    """The event of the path, which has a schedule. Raises Problem not_found."""
    event = await event_of_path(request)
    schedule_of(event)
    return event


def _id_of_path(request: web.Request) -> str:
    """Raises Problem not_found for what cannot be an id."""
    text = request.match_info["booking_id"].lower()
    if not is_booking_id(text):
        raise not_found("such booking: its id is a UUID")
    return text


async def _find(request: web.Request, event: EventSnapshot, booking_id: str) -> tuple[Booking, int]:
    """The booking, and the instant at which it was so. Raises Problem not_found, Fault, PostgresAway.

    A customer finds those that it made.
    """
    found = await request.app[ENGINE].submit(FindBooking(event.event_id, booking_id))
    if isinstance(found, BookingFound):
        booking, now_ms = found.booking, found.now_ms
    else:
        now_ms = wall_clock_ms()
        booking = await _forgotten(request, event, booking_id, now_ms)
    if not caller_of(request).owns(decoded(booking).customer_id):
        raise not_found("such booking")
    return booking, now_ms


async def _find_wanted(request: web.Request, event: EventSnapshot, booking_id: str) -> Booking:
    """The booking as If-Match says. Raises Problem precondition_failed, or as `_find`."""
    booking, _ = await _find(request, event, booking_id)
    revisions = wanted_revisions(request)
    if revisions is not None and booking.changed_ms not in revisions:
        raise _changed_meanwhile(booking_id)
    return booking


async def _forgotten(request: web.Request, event: EventSnapshot, booking_id: str, now_ms: int) -> Booking:
    """An expired booking that Redis no longer keeps. Raises Problem not_found, PostgresAway.

    One that has not expired is there only because Postgres does not know yet that it was deleted.
    """
    postgres = request.app[POSTGRES]
    stored = await get_booking(postgres, event.event_id, booking_id)
    if stored is not None and stored.is_expired_at(now_ms):
        await wait_for_outcomes(request, event.event_id)
        stored = await get_booking(postgres, event.event_id, booking_id)
    if stored is None or not stored.is_expired_at(now_ms):
        raise not_found("such booking")
    return stored


async def _why_not_there(request: web.Request, event: EventSnapshot, booking_id: str) -> Problem:
    """Why a booking that Redis does not know cannot be changed. Raises Problem not_found, PostgresAway."""
    await _forgotten(request, event, booking_id, wall_clock_ms())
    return problem_of(BookingExpired())


def _wanted(request: web.Request, event: EventSnapshot, day: date, at: time) -> SlotWanted:
    """The slot that is asked for. Raises Problem slot_not_scheduled."""
    return scheduled_slot(event, day, at, request.app[SETTINGS].slot_horizon_days)
