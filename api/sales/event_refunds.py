"""Refunding everybody who paid for a cancelled event."""

from aiohttp import web

from api.app_keys import POSTGRES
from api.catalogue.cache import CATALOGUE
from api.http.problems import Code, Problem, not_found
from api.http.replies import Reply, json_reply
from api.http.requests import path_id, read_no_body
from api.http.types import Money
from api.read_your_writes import wait_for_outcomes
from api.sales.schemas import EventRefunds
from engine.words import EventStatus
from sync.catalogue.cancellations import request_refunds
from sync.read_models.event_refunds import read_refund_progress


async def refund_event(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/refund: refunds everybody who paid for a cancelled event; again: how far that is.

    It is done by the sync worker, and goes on after any restart.
    """
    await read_no_body(request)
    event_id = await _cancelled_event(request)
    if not await request_refunds(request.app[POSTGRES], event_id):
        raise not_found(f"event {event_id}")  # it was deleted just now
    return json_reply(await _progress(request, event_id), status=202)


async def read_event_refunds(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/refund: reads the progress of the refund of everybody."""
    return json_reply(await _progress(request, await _cancelled_event(request)))


async def _cancelled_event(request: web.Request) -> int:
    """The event that the path names. Raises Problem: not_found, or in_use if it is not cancelled."""
    event_id = path_id(request, "event_id", "event")
    await request.app[CATALOGUE].refresh()
    event = await request.app[CATALOGUE].event(event_id)
    if event is None:
        raise not_found(f"event {event_id}")
    if event.status is not EventStatus.CANCELLED:
        raise Problem(Code.IN_USE, f"The event is {event.status}; cancel it before everybody is refunded.")
    return event_id


async def _progress(request: web.Request, event_id: int) -> EventRefunds:
    await wait_for_outcomes(request, event_id)
    progress = await read_refund_progress(request.app[POSTGRES], event_id)
    return EventRefunds(
        event_id=event_id,
        reservations=progress.reservations,
        refunded=progress.refunded,
        refund_due=progress.refund_due,
        amount=Money(progress.amount_minor, progress.currency),
    )
