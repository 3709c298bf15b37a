"""Personal data of customers: shown, and erased by the sync worker."""

from base64 import b64encode
from collections.abc import Sized

import msgspec
from aiohttp import web

from api.app_keys import ENGINE, POSTGRES
from api.audit_log.handlers import entry_view
from api.catalogue.cache import CATALOGUE
from api.customers import schemas
from api.http.problems import not_found
from api.http.replies import Reply, json_reply
from api.http.text import CustomerId
from api.http.times import optional_rfc3339, rfc3339, wall_clock_ms
from api.queue.schemas import QueuePlace
from api.queue.views import place_view
from api.read_your_writes import wait_for_outcomes
from api.sales.reservations import show_reservation
from api.timed.schemas import Booking
from api.timed.views import booking_view
from api.waiting.views import waiting_view
from engine.commands.waiting_rooms import FindPlace
from engine.etickets import decode_holder, serial_of
from engine.inspection import server_time_ms
from engine.results.waiting_rooms import Placed
from engine.words import CodeKind, Direction, EticketState, ScanResult
from sync.codes.read import codes_of_customer
from sync.personal_data.requests import Erasure, read_erasure, request_erasure
from sync.read_models.personal_data import (
    audit_entries_about,
    bookings_of_customer,
    dead_letters_about,
    etickets_of_customer,
    messages_about,
    scans_of_customer,
)
from sync.read_models.reservations import list_reservations
from sync.read_models.waiting_lists import waiting_of_customer

_MOST = 5000
"""The most of each kind that one answer shows: a few megabytes."""


async def read_customer_data(request: web.Request) -> Reply:
    """GET /v1/customers/{customer_id}/data: shows everything known of a customer, up to the request."""
    customer_id = _customer_of_path(request)
    await wait_for_outcomes(request)
    postgres, now_ms = request.app[POSTGRES], wall_clock_ms()
    listed = await list_reservations(postgres, customer_id=customer_id, limit=_MOST)
    reservations = [
        await show_reservation(request, each.reservation_id, each.record, now_ms) for each in listed.reservations
    ]
    bookings = await _bookings(request, customer_id, now_ms)
    waiting = await waiting_of_customer(postgres, customer_id, _MOST)
    ids = [each.id for each in reservations], [each.id for each in bookings]
    waiting_ids = [each.waiting_id for each in waiting]
    messages = await messages_about(postgres, list({*ids[0], *ids[1], *waiting_ids}), _MOST)
    etickets = await etickets_of_customer(postgres, customer_id, _MOST)
    scans = await scans_of_customer(postgres, customer_id, _MOST)
    resources = [f"customer/{customer_id}", *(f"reservation/{rid}" for rid in ids[0])]
    resources += [f"booking/{booking_id}" for booking_id in ids[1]]
    resources += [f"waiting-list/{waiting_id}" for waiting_id in waiting_ids]
    resources += [f"eticket/{serial_of(each.event_id, each.number)}" for each in etickets]
    entries = await audit_entries_about(postgres, resources, _MOST)
    letters = await dead_letters_about(postgres, customer_id, _MOST)
    codes = await codes_of_customer(postgres, customer_id, _MOST)
    of_each: list[Sized] = [bookings, waiting, messages, entries, letters, etickets, scans, codes]
    data = schemas.CustomerData(
        customer_id=customer_id,
        complete=listed.next is None and max(*map(len, of_each)) < _MOST,
        reservations=reservations,
        etickets=[
            schemas.EticketAbout(
                serial_of(each.event_id, each.number),
                each.reservation_id,
                (holder := decode_holder(each.holder)).first_name,
                holder.last_name,
                EticketState(each.status),
            )
            for each in etickets
        ],
        check_ins=[
            schemas.CheckInAbout(
                serial_of(each.event_id, each.number),
                each.gate,
                Direction(each.direction),
                ScanResult(each.result),
                rfc3339(each.scanned_ms),
            )
            for each in scans
        ],
        bookings=bookings,
        waiting_lists=[waiting_view(entry, 0) for entry in waiting],
        codes=[
            schemas.OwnCode(each.event_id, each.code, CodeKind(each.kind), each.tag, rfc3339(each.created_ms))
            for each in codes
        ],
        queue_places=await _queue_places(request, customer_id),
        messages=[
            schemas.MessageAbout(rfc3339(each.created_ms), each.webhook_id, each.event, each.status, each.body)
            for each in messages
        ],
        audit_log=[entry_view(entry) for entry in entries],
        unwritten_facts=[
            schemas.UnwrittenFact(
                rfc3339(each.at_ms),
                each.partition,
                each.epoch,
                each.sequence,
                each.error,
                b64encode(each.fact).decode(),
            )
            for each in letters
        ],
        erasure=_view(customer_id, await read_erasure(postgres, customer_id)),
    )
    return json_reply(data)


async def erase_customer_data(request: web.Request) -> Reply:
    """DELETE /v1/customers/{customer_id}/data: erases names, phones and contacts of a customer. Safe to repeat.

    It is done by the sync worker, goes on after any restart, and reaches what was created until the request. Counts,
    money and places stay.
    """
    customer_id = _customer_of_path(request)
    now_ms = await server_time_ms(request.app[ENGINE].redis)
    erasure = await request_erasure(request.app[POSTGRES], customer_id, now_ms)
    return json_reply(_shown(customer_id, erasure), status=202)


def _customer_of_path(request: web.Request) -> str:
    """Raises Problem not_found for what cannot be a customer's id."""
    text = request.match_info["customer_id"]
    try:
        return msgspec.convert(text, CustomerId)
    except msgspec.ValidationError as error:
        raise not_found("such customer: an id has 1 to 64 visible ASCII characters") from error


async def _bookings(request: web.Request, customer_id: str, now_ms: int) -> list[Booking]:
    """The customer's bookings of events that are known."""
    shown = []
    for booking in await bookings_of_customer(request.app[POSTGRES], customer_id, _MOST):
        event = await request.app[CATALOGUE].event(booking.event_id)
        if event is not None:
            shown.append(booking_view(event, booking, now_ms))
    return shown


async def _queue_places(request: web.Request, customer_id: str) -> list[QueuePlace]:
    """The customer's places in the waiting rooms of all events that have one. Raises Fault."""
    events = [event.event_id for event in await request.app[CATALOGUE].events() if event.waiting_room]
    shown = []
    for event_id in events:  # one after the other: nobody waits for this, and others want to join
        place = await request.app[ENGINE].submit(FindPlace(event_id, customer_id))
        if isinstance(place, Placed):
            shown.append(place_view(event_id, customer_id, place))
    return shown


def _view(customer_id: str, erasure: Erasure | None) -> schemas.Erasure | None:
    return None if erasure is None else _shown(customer_id, erasure)


def _shown(customer_id: str, erasure: Erasure) -> schemas.Erasure:
    return schemas.Erasure(customer_id, rfc3339(erasure.requested_ms), optional_rfc3339(erasure.done_ms))
