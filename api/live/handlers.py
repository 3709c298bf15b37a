"""Streams of public data: each answer lives until one side closes it."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from api.access.callers import manages
from api.app_keys import ENGINE
from api.catalogue.cache import CATALOGUE
from api.catalogue.events import shown_event_of_path
from api.catalogue.seats import section_of_path
from api.http.problems import Code, Problem, not_found
from api.http.replies import Reply
from api.live.availability import AvailabilitySource
from api.live.channel import Gone, Source
from api.live.queue import QueueSource
from api.live.seats import SeatsSource
from api.live.streams import STREAMS, ChannelKey
from api.queue.rooms import ROOMS


async def stream_availability(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/availability/stream: streams counts of tickets and the state of the sale.

    Events: `snapshot` (the document of availability), `change` (tickets whose counts changed), `sale` (status, sale
    times, server time).
    """
    event_id = (await shown_event_of_path(request)).event_id
    engine, catalogue = request.app[ENGINE], request.app[CATALOGUE]
    drafts = manages(request, event_id)
    return await _open(
        request,
        ("availability to managers" if drafts else "availability", event_id),
        lambda: AvailabilitySource(engine, catalogue, event_id, drafts=drafts),
    )


async def stream_seats(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/sections/{section_id}/seats/stream: streams the seats of a section.

    Events: `snapshot` (the compact document of the seats), `change` (pairs of a seat's id and its status' id).
    """
    event, places = await section_of_path(request)
    engine, catalogue, event_id = request.app[ENGINE], request.app[CATALOGUE], event.event_id
    drafts = manages(request, event_id)
    key = ("seats to managers" if drafts else "seats", event_id, places.section.section_id)
    return await _open(request, key, lambda: SeatsSource(engine, catalogue, event_id, places, drafts=drafts))


async def stream_queue(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/queue/stream: streams the waiting room.

    Events: `queue` (the document of the waiting room), at the start and whenever it changes, at most once a second.
    """
    event = await shown_event_of_path(request)
    if event.waiting_room is None:
        raise not_found(f"waiting room of event {event.event_id}")
    rooms, event_id = request.app[ROOMS], event.event_id
    return await _open(request, ("queue", event_id), lambda: QueueSource(rooms, event_id))


async def _open(request: web.Request, key: ChannelKey, make_source: Callable[[], Source[Any]]) -> Reply:
    try:
        return await request.app[STREAMS].open(request, key, make_source)
    except Gone as gone:
        raise not_found(str(gone)) from None
    except TimeoutError:
        raise Problem(Code.UNAVAILABLE, "The data cannot be read at the moment; connect again later.") from None
