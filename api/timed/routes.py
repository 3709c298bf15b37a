"""Routes of timed events: slots and bookings."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from api.access.callers import CUSTOMERS, SERVICES
from api.http.problems import Code
from api.http.types import Page, Uuid
from api.route import Link, Route
from api.timed import bodies, bookings, schemas, slots

_OK, _CREATED = HTTPStatus.OK, HTTPStatus.CREATED
_NOTHING: Mapping[HTTPStatus, None] = {HTTPStatus.NO_CONTENT: None}

_EVENT = "/v1/events/{event_id}"
_BOOKINGS, _BOOKING = f"{_EVENT}/bookings", f"{_EVENT}/bookings/{{booking_id}}"

_BOOKING_A_SLOT = (
    Code.SALE_CLOSED,
    Code.SALE_PAUSED,
    Code.NOT_ON_SALE_YET,
    Code.LIMIT_EXCEEDED,
    Code.QUEUE_REQUIRED,
    Code.NOT_YOUR_TURN,
    Code.PASS_EXPIRED,
    Code.RATE_LIMITED,
    Code.SLOT_FULL,
    Code.SLOT_NOT_SCHEDULED,
)

_ID = "$response.body#/id"
_BOOKING_ID = {"event_id": "$response.body#/event_id", "booking_id": _ID}
_OF_BOOKING = (
    Link("read_booking", _BOOKING_ID),
    Link("change_booking", _BOOKING_ID, {"first_name": "Asha"}),
    Link("delete_booking", _BOOKING_ID),
)

_bookings = partial(Route, tag="Timed-entry bookings", roles=CUSTOMERS, path_types={"booking_id": Uuid})

ROUTES: tuple[Route, ...] = (
    _bookings(
        method="POST",
        path=_BOOKINGS,
        handler=bookings.create_booking,
        conditional=True,
        links=_OF_BOOKING,
        body=bodies.NewBooking,
        keyed=True,
        answers={_CREATED: schemas.Booking},
        refusals=_BOOKING_A_SLOT,
    ),
    _bookings(
        method="GET",
        path=_BOOKINGS,
        handler=bookings.list_all_bookings,
        query=bodies.BookingsQuery,
        roles=SERVICES,
        answers={_OK: Page[schemas.Booking]},
    ),
    _bookings(
        method="GET", path=_BOOKING, handler=bookings.read_booking, conditional=True, answers={_OK: schemas.Booking}
    ),
    _bookings(
        method="PATCH",
        path=_BOOKING,
        handler=bookings.change_booking,
        conditional=True,
        body=bodies.BookingPatch,
        answers={_OK: schemas.Booking},
        refusals=(*_BOOKING_A_SLOT, Code.EXPIRED),
    ),
    _bookings(
        method="DELETE",
        path=_BOOKING,
        handler=bookings.delete_booking,
        conditional=True,
        answers=_NOTHING,
        refusals=(Code.EXPIRED,),
    ),
    _bookings(
        method="GET",
        path=f"{_EVENT}/slots",
        handler=slots.list_slots,
        query=slots.SlotsQuery,
        drafts=True,
        roles=None,
        cached=True,
        answers={_OK: Page[schemas.Slot]},
    ),
)
