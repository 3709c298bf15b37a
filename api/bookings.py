"""Bookings of slots: free of charge, by name and phone."""

import re
from typing import Annotated, Literal

import msgspec
from aiohttp import web
from msgspec import UNSET, Meta, UnsetType

from api import answers
from api.addresses import limited_address
from api.bodies import Text, path_id, read_body, read_query
from api.callers import caller_of
from api.completeness import wait_for_outcomes
from api.events import event_of_path
from api.idempotency import REPLAYED, body_digest, idempotency_key
from api.keys import ENGINE, POSTGRES
from api.pages import PageQuery, decode_cursor, encode_cursor, not_a_cursor
from api.problems import Code, Problem, WrongField, invalid, not_found
from api.rates import tell_rates
from api.refusals import problem_of
from api.replies import Reply, json_reply, no_content
from api.schedule import (
    DateText,
    TimeText,
    bounds_of,
    local_start,
    parse_date,
    parse_time,
    schedule_of,
    scheduled_start,
    start_of,
    time_text,
)
from api.times import rfc3339, wall_clock_ms
from engine.catalogue import EventSnapshot
from engine.commands import Book, FindBooking, Move, Unbook
from engine.ids import keyed_booking_id, new_booking_id
from engine.records import Booking
from engine.results import Booked, BookingExpired, BookingFound, Moved, NotFound, SlotPast, Unbooked
from engine.slots import is_booking_id
from sync.bookings import END_OF_TIME_MS, LocalTime, get_booking, list_bookings

_PHONE = re.compile(r"\d{10}", re.ASCII)

PhoneNumber = Annotated[str, Meta(max_length=20, extra_json_schema={"pattern": "^[0-9]{10}$"})]
"""Looked at more closely once the body is read."""


class NewBooking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/events/{event_id}/bookings. Date and time are local to the event."""

    first_name: Text
    last_name: Text
    phone_number: PhoneNumber
    date: DateText
    time: TimeText


class BookingPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/events/{event_id}/bookings/{booking_id}: what is not given stays."""

    first_name: Text | UnsetType = UNSET
    last_name: Text | UnsetType = UNSET
    phone_number: PhoneNumber | UnsetType = UNSET
    date: DateText | UnsetType = UNSET
    time: TimeText | UnsetType = UNSET


class BookingsQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/events/{event_id}/bookings."""

    date: DateText | None = None
    time: TimeText | None = None
    status: Literal["booked", "expired"] | None = None


class BookerDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept about who comes, as the engine's `details`. `customer_id`: of who booked, if that was a customer."""

    first_name: str
    last_name: str
    phone_number: str
    customer_id: str = ""


_NEW = msgspec.json.Decoder(NewBooking)
_PATCH = msgspec.json.Decoder(BookingPatch)
_DETAILS = msgspec.json.Decoder(BookerDetails)
_CHANGEABLE = ("first_name", "last_name", "phone_number")
_STATUSES = {"booked": False, "expired": True}


async def create_booking(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/bookings: takes a place of the slot."""
    _check_room(request)
    event = await _timed_event(request)
    body = await read_body(request, _NEW)
    caller = caller_of(request)
    details = _encoded(BookerDetails(body.first_name, body.last_name, _phone(body.phone_number), caller.owner))
    start_ms = scheduled_start(event, parse_date("date", body.date), parse_time("time", body.time))
    key = idempotency_key(request)
    if key is None:
        booking_id, digest = new_booking_id(), ""
    else:
        booking_id = keyed_booking_id(event.event_id, caller.scope, key)
        digest = body_digest(body)
    who = caller.owner, limited_address(request)
    result = await request.app[ENGINE].submit(Book(event.event_id, booking_id, start_ms, details, digest, *who))
    tell_rates(request, result)
    if isinstance(result, SlotPast):
        raise _past(event, start_ms, "date", "time")
    if not isinstance(result, Booked):
        raise problem_of(result)
    # As it was taken, whatever became of it since.
    taken = msgspec.structs.replace(result.booking, start_ms=start_ms, details=details)
    headers = {"Location": f"/v1/events/{event.event_id}/bookings/{booking_id}"}
    if result.replayed:
        headers |= REPLAYED
    return json_reply(_view(event, taken, expired=False), status=201, headers=headers)


async def read_booking(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/bookings/{booking_id}: exact at this instant."""
    event = await _timed_event(request)
    booking, now_ms = await _find(request, event, _id_of_path(request))
    return json_reply(_view(event, booking, expired=booking.is_expired_at(now_ms)))


async def change_booking(request: web.Request) -> Reply:
    """PATCH /v1/events/{event_id}/bookings/{booking_id}: all that it asks for, or nothing."""
    _check_room(request)
    event = await _timed_event(request)
    booking_id = _id_of_path(request)
    patch = await read_body(request, _PATCH)
    asked_day = UNSET if patch.date is UNSET else parse_date("date", patch.date)
    asked_time = UNSET if patch.time is UNSET else parse_time("time", patch.time)
    names = {name: getattr(patch, name) for name in _CHANGEABLE}
    given = {name: value for name, value in names.items() if value is not UNSET}
    if patch.phone_number is not UNSET:
        _phone(patch.phone_number)

    before, _ = await _find(request, event, booking_id)
    start_ms, now = before.start_ms, local_start(event, before.start_ms)
    if (asked_day, asked_time) != (UNSET, UNSET):
        day = now.date() if asked_day is UNSET else asked_day
        at = now.time() if asked_time is UNSET else asked_time
        if (day, at) != (now.date(), now.time()):
            start_ms = scheduled_start(event, day, at)
    details = _encoded(msgspec.structs.replace(_DETAILS.decode(before.details), **given)) if given else ""
    who = caller_of(request).owner, limited_address(request)
    move = Move(event.event_id, booking_id, 0 if start_ms == before.start_ms else start_ms, details, *who)
    result = await request.app[ENGINE].submit(move)
    tell_rates(request, result)
    if isinstance(result, SlotPast):
        raise _past(event, start_ms, *(name for name in ("date", "time") if getattr(patch, name) is not UNSET))
    if isinstance(result, NotFound):
        raise await _why_not_there(request, event, booking_id)
    if not isinstance(result, Moved):
        raise problem_of(result)
    return json_reply(_view(event, result.booking, expired=result.booking.is_expired_at(result.now_ms)))


async def delete_booking(request: web.Request) -> Reply:
    """DELETE /v1/events/{event_id}/bookings/{booking_id}: its place is free."""
    event = await _timed_event(request)
    booking_id = _id_of_path(request)
    if caller_of(request).owner:
        await _find(request, event, booking_id)
    result = await request.app[ENGINE].submit(Unbook(event.event_id, booking_id, new_booking_id()))
    if isinstance(result, NotFound):
        raise await _why_not_there(request, event, booking_id)
    if not isinstance(result, Unbooked):
        raise problem_of(result)
    return no_content()


async def list_all_bookings(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/bookings: by slot, with all that happened before the request."""
    event = await _timed_event(request)
    query = read_query(request, BookingsQuery)
    day = None if query.date is None else parse_date("date", query.date)
    at = None if query.time is None else parse_time("time", query.time)
    after = decode_cursor(query.cursor, tuple[int, str])
    if after is not None and not (0 <= after[0] < END_OF_TIME_MS and is_booking_id(after[1])):
        raise not_a_cursor()
    await wait_for_outcomes(request, event.event_id)
    from_ms, to_ms = (0, END_OF_TIME_MS) if day is None else bounds_of(event, day)
    if day is not None and at is not None:
        start_ms = start_of(event, day, at)
        from_ms, to_ms = (0, 0) if start_ms is None else (start_ms, start_ms + 1)
    now_ms = wall_clock_ms()
    listed = await list_bookings(
        request.app[POSTGRES],
        event.event_id,
        from_ms=from_ms,
        to_ms=to_ms,
        local_time=LocalTime(at, event.timezone) if at is not None and day is None else None,
        expired=None if query.status is None else _STATUSES[query.status],
        now_ms=now_ms,
        limit=query.limit,
        after=after,
    )
    items = [_view(event, booking, expired=booking.is_expired_at(now_ms)) for booking in listed.bookings]
    return json_reply(answers.Page(items, encode_cursor(listed.next) if listed.next else None))


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
    if not caller_of(request).owns(_DETAILS.decode(booking.details).customer_id):
        raise not_found("such booking")
    return booking, now_ms


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


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise invalid("phone_number", "must have 10 digits and nothing else, like 9334556789")
    return text


def _past(event: EventSnapshot, start_ms: int, *paths: str) -> Problem:
    """422: the slot has begun."""
    local = local_start(event, start_ms)
    message = f"the slot of {local.date()} {time_text(local.time())} has begun; choose a later one"
    return Problem(Code.INVALID, f"{paths[0]}: {message}", fields=[WrongField(path, message) for path in paths])


def _encoded(details: BookerDetails) -> str:
    return msgspec.json.encode(details).decode()


def _view(event: EventSnapshot, booking: Booking, *, expired: bool) -> answers.Booking:
    details = _DETAILS.decode(booking.details)
    local = local_start(event, booking.start_ms)
    return answers.Booking(
        id=booking.booking_id,
        event_id=event.event_id,
        first_name=details.first_name,
        last_name=details.last_name,
        phone_number=details.phone_number,
        date=local.date().isoformat(),
        time=time_text(local.time()),
        starts_at=rfc3339(booking.start_ms),
        status="expired" if expired else "booked",
        expired=expired,
        created_at=rfc3339(booking.created_ms),
    )
