"""Changes of a live hold: other places of its event in place of those that it has."""

from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from api.access.callers import caller_of
from api.access.client_address import limited_address
from api.access.rate_limit_headers import tell_rates
from api.app_keys import ENGINE, SETTINGS
from api.catalogue.cache import CATALOGUE
from api.engine_problems import problem_of
from api.http.problems import invalid
from api.http.replies import Reply, json_reply
from api.http.requests import read_body
from api.sales.items import ItemBody, earliest_slot, engine_items
from api.sales.reservations import archived_reservation, below_minimum, event_of_items, find_reservation
from api.sales.views import reservation_view
from engine.commands.holds import Replace
from engine.commands.items import items_text
from engine.results.holds import BelowMinimum, Held
from engine.results.reservations import NotFound


class ReservationPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/reservations/{reservation_id}: all that the reservation is to have."""

    items: Annotated[list[ItemBody], Meta(min_length=1, max_length=20)]

    EXAMPLE: ClassVar[Any] = {"items": [{"ticket_id": 1, "quantity": 1}, {"ticket_id": 2, "quantity": 2}]}


_PATCH = msgspec.json.Decoder(ReservationPatch)


async def change_reservation(request: web.Request) -> Reply:
    """PATCH /v1/reservations/{reservation_id}: replaces the places of a live hold, all or none.

    Its deadline stays, and the price of places that it keeps.
    """
    reservation_id = request.match_info["reservation_id"]
    body = await read_body(request, _PATCH)
    record, _ = await find_reservation(request, reservation_id)
    event = await event_of_items(request, body.items)
    if event.event_id != record.event_id:
        raise invalid("items[0].ticket_id", "belongs to another event; a reservation stays with its event")
    caller_of(request).check_events([event.event_id])
    engine, seating = request.app[ENGINE], await request.app[CATALOGUE].seating(event)
    items = engine_items(body.items, event, seating, request.app[SETTINGS].slot_horizon_days)
    command = Replace(
        *(reservation_id, event.event_id, record.customer_id, items_text(items)), address=limited_address(request)
    )
    result = await engine.submit(command)
    if isinstance(result, NotFound):
        archived = await archived_reservation(request, reservation_id)
        result = await engine.submit(msgspec.structs.replace(command, archived=archived))
    tell_rates(request, result)
    if isinstance(result, BelowMinimum):
        raise below_minimum(result, body.items)
    if not isinstance(result, Held):
        raise problem_of(result, seating, earliest_slot(body.items))
    return json_reply(reservation_view(reservation_id, result.record, event, seating, result.now_ms))
