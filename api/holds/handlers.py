"""Holds of an event, a customer or a seat: counted before a change, and ended on a manager's word."""

import asyncio
from typing import Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from api.access.callers import caller_of
from api.app_keys import ENGINE, POSTGRES
from api.holds.schemas import Holds, HoldsInState, ReleasedHolds
from api.http.pagination import decode_cursor, next_cursor, not_a_cursor
from api.http.problems import invalid
from api.http.replies import Reply, json_reply
from api.http.requests import DatabaseId, read_body, read_query
from api.http.text import CustomerId
from api.http.types import Money
from api.idempotency import once
from api.read_your_writes import wait_for_outcomes
from engine.commands.holds import Cancel
from engine.results.holds import Cancelled
from engine.results.reservations import PaymentInProgress
from sync.read_models.holds import HoldsFilter, InState, count_holds, list_holds
from sync.read_models.reservations import is_place_in_list

_PART = 500
"""The most holds that one request ends: about a tenth of a second."""


class HoldsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/holds. Name an event, a ticket or a customer; a seat belongs to an event."""

    event_id: DatabaseId | None = None
    ticket_id: DatabaseId | None = None
    customer_id: CustomerId | None = None
    seat_id: DatabaseId | None = None


class ReleaseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/holds/release: an event, a customer, or both; a seat of the event.

    `cursor`: from the answer before; then the holds that are left are released, and none that was taken since.
    """

    event_id: DatabaseId | UnsetType = UNSET
    customer_id: CustomerId | UnsetType = UNSET
    seat_id: DatabaseId | UnsetType = UNSET
    cursor: str | None = None

    EXAMPLE: ClassVar[Any] = {"event_id": 1, "customer_id": "22"}


_RELEASE = msgspec.json.Decoder(ReleaseBody)


async def count_live_holds(request: web.Request) -> Reply:
    """GET /v1/holds: counts live holds, payments under way and paid reservations, up to the request.

    It tells whom a change of a price, a capacity or a sale affects, and what a release would end.
    """
    query = read_query(request, HoldsQuery)
    wanted = _filter(request, query.event_id, query.customer_id, query.seat_id, query.ticket_id)
    await wait_for_outcomes(request, query.event_id)
    counts = await count_holds(request.app[POSTGRES], wanted)
    return json_reply(
        Holds(_view(counts.held), _view(counts.paying), _view(counts.paid), counts.bookings, counts.waiting)
    )


async def release_holds(request: web.Request) -> Reply:
    """POST /v1/holds/release: ends live holds; their places are for sale again.

    Nothing that is paid ends, and no hold whose payment is under way. One request looks at 500 holds, newest first.
    """
    body = await read_body(request, _RELEASE)
    event_id = body.event_id or None
    wanted = _filter(request, event_id, body.customer_id or None, body.seat_id or None)
    after = decode_cursor(request.path, body.cursor, tuple[int, str])
    if after is not None and not is_place_in_list(after):
        raise not_a_cursor()

    async def release() -> Reply:
        await wait_for_outcomes(request, event_id)
        found = await list_holds(request.app[POSTGRES], wanted, after=after, limit=_PART + 1)
        engine = request.app[ENGINE]
        results = await asyncio.gather(*(engine.submit(Cancel(hold.reservation_id)) for hold in found[:_PART]))
        released = [result for result in results if isinstance(result, Cancelled) and not result.replayed]
        paying = sum(isinstance(result, PaymentInProgress) for result in results)
        return json_reply(
            ReleasedHolds(
                released=len(released),
                places=sum(result.record.places for result in released),
                paying=paying,
                ended=len(results) - len(released) - paying,
                next_cursor=next_cursor(request.path, found, _PART, tuple),
            )
        )

    return await once(request, "released holds", body, release)


def _filter(
    request: web.Request,
    event_id: int | None,
    customer_id: str | None,
    seat_id: int | None,
    ticket_id: int | None = None,
) -> HoldsFilter:
    """The holds that are asked for, of events that the caller manages. Raises Problem: invalid, forbidden."""
    if event_id is None and customer_id is None and ticket_id is None:
        raise invalid("event_id", "required without a customer_id; name an event or a customer")
    if seat_id is not None and event_id is None:
        raise invalid("event_id", "required with seat_id: several events may offer a seat")
    caller = caller_of(request)
    caller.check_events([] if event_id is None else [event_id])
    of_events = None if caller.events is None else sorted(caller.events)
    return HoldsFilter(event_id, ticket_id, customer_id, seat_id, of_events)


def _view(counted: InState) -> HoldsInState:
    amounts = [Money(amount, currency) for currency, amount in counted.amounts]
    return HoldsInState(counted.reservations, counted.places, counted.customers, amounts)
