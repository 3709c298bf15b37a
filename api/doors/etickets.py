"""E-tickets of reservations: list, transfer; and the keys that verify them."""

import secrets
from functools import partial
from typing import Any, ClassVar

import msgspec
from aiohttp import web

from api.access.callers import caller_of
from api.app_keys import EDITOR, ENGINE
from api.catalogue.cache import CATALOGUE
from api.catalogue.events import event_of_path, no_event, shown_event_of_path
from api.doors.schemas import MAX_SERIAL, EticketList, JwkSet
from api.doors.views import EticketViews, key_set
from api.http.problems import Code, Problem, not_found
from api.http.replies import Reply, json_reply, tagged_reply
from api.http.requests import path_id, read_body, read_no_body
from api.http.text import Text
from api.idempotency import Rendered, idempotency_key, once
from api.sales.reservations import archived_reservation, find_reservation
from engine.catalogue import EventSnapshot
from engine.commands.etickets import Etickets, FindEticket, TransferEticket
from engine.etickets import Holder, encode_holder, number_of
from engine.ids import MAX_EVENT_ID, event_of, keyed_name
from engine.records import Eticket, NumberedEticket
from engine.results.etickets import EticketFound, EticketsListed
from engine.results.events import InUse
from engine.results.reservations import NotFound, NotHeld

_KEYS_AGE_SECONDS = 60


class HolderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The names of the person whom an e-ticket is to admit."""

    first_name: Text
    last_name: Text


class TransferBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/etickets/{serial}/transfer."""

    holder: HolderBody

    EXAMPLE: ClassVar[Any] = {"holder": {"first_name": "Anna", "last_name": "Nowak"}}


_TRANSFER = msgspec.json.Decoder(TransferBody)
_SOURCE, _ENCODER = msgspec.msgpack.Decoder(NumberedEticket), msgspec.msgpack.Encoder()
_JSON = msgspec.json.Encoder()


async def list_etickets(request: web.Request) -> Reply:
    """GET /v1/reservations/{reservation_id}/etickets: lists the e-tickets of a reservation; none before it is paid."""
    reservation_id = request.match_info["reservation_id"]
    etickets = await etickets_of(request, reservation_id)
    views = await EticketViews.of(request, event_of(reservation_id) or 0)
    return json_reply(EticketList([views.view(numbered) for numbered in etickets]))


async def transfer_eticket(request: web.Request) -> Reply:
    """POST /v1/etickets/{serial}/transfer: gives an e-ticket another holder and a new code; the old code is void."""
    body = await read_body(request, _TRANSFER)
    event_id, numbered = await eticket_of_path(request)
    key = idempotency_key(request)
    what = f"transfer {event_id} {numbered.number}"
    request_id = secrets.token_urlsafe(12) if key is None else keyed_name(what, caller_of(request).scope, key)
    holder = encode_holder(Holder(body.holder.first_name, body.holder.last_name))

    async def transfer() -> Reply:
        command = TransferEticket(event_id, numbered.number, holder, request_id)
        result = await request.app[ENGINE].submit(command)
        if not isinstance(result, EticketFound):
            raise _not_transferable(result)
        return await _transferred(request, event_id, NumberedEticket(result.number, result.eticket))

    async def render(source: bytes) -> Reply:
        then, now = _SOURCE.decode(source), await _find(request, event_id, numbered.number)
        eticket = msgspec.structs.replace(then.eticket, holder=now.holder)
        return await _transferred(request, event_id, NumberedEticket(then.number, eticket))

    return await once(request, what, body, transfer, render)


async def read_eticket_keys(request: web.Request) -> Reply:
    """GET /v1/events/{event_id}/etickets/keys: reads the public keys by which anybody can verify codes of the event."""
    event = await shown_event_of_path(request)
    return tagged_reply(request, _JSON.encode(JwkSet(key_set(request, event))), max_age=_KEYS_AGE_SECONDS)


async def rotate_eticket_keys(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/etickets/keys: adds a key, which signs from now on. Codes that exist stay valid."""
    event = await event_of_path(request)
    await read_no_body(request)
    rotate = partial(_rotate, request, event)
    return await once(request, f"keys of {event.event_id}", msgspec.Struct(), rotate)


async def _rotate(request: web.Request, event: EventSnapshot) -> Reply:
    await request.app[CATALOGUE].refresh()
    known = await request.app[CATALOGUE].event(event.event_id) or event
    changed = await request.app[EDITOR].update_event(event.event_id, {"eticket_keys": known.eticket_keys + 1})
    if not isinstance(changed, EventSnapshot):
        raise no_event(event.event_id)
    await request.app[CATALOGUE].refresh_everywhere()
    headers = {"Location": f"/v1/events/{event.event_id}/etickets/keys"}
    return json_reply(JwkSet(key_set(request, changed)), status=201, headers=headers)


async def etickets_of(request: web.Request, reservation_id: str) -> list[NumberedEticket]:
    """The e-tickets of a reservation. Raises Problem not_found, also for that of another customer."""
    await find_reservation(request, reservation_id)
    engine = request.app[ENGINE]
    result = await engine.submit(Etickets(reservation_id))
    if isinstance(result, NotFound):
        result = await engine.submit(Etickets(reservation_id, await archived_reservation(request, reservation_id)))
    return result.etickets if isinstance(result, EticketsListed) else []


async def eticket_of_path(request: web.Request) -> tuple[int, NumberedEticket]:
    """The e-ticket that the path names by its serial, and its event. Raises Problem not_found, forbidden."""
    event_id, number = number_of(path_id(request, "serial", "e-ticket", largest=MAX_SERIAL))
    if not 1 <= event_id <= MAX_EVENT_ID:
        raise not_found("such e-ticket")
    caller_of(request).check_events([event_id])
    eticket = await _find(request, event_id, number)
    await find_reservation(request, eticket.reservation_id)  # a customer finds only its own
    return event_id, NumberedEticket(number, eticket)


async def _find(request: web.Request, event_id: int, number: int) -> Eticket:
    found = await request.app[ENGINE].submit(FindEticket(event_id, number))
    if not isinstance(found, EticketFound):
        raise not_found("such e-ticket")
    return found.eticket


async def _transferred(request: web.Request, event_id: int, numbered: NumberedEticket) -> Rendered:
    """The e-ticket after its transfer. A repeat is rendered without the names that were kept."""
    views = await EticketViews.of(request, event_id)
    nameless = NumberedEticket(numbered.number, msgspec.structs.replace(numbered.eticket, holder=""))
    return Rendered(json_reply(views.view(numbered)), _ENCODER.encode(nameless))


def _not_transferable(refusal: NotFound | NotHeld | InUse) -> Problem:
    match refusal:
        case NotFound():
            return not_found("such e-ticket")
        case NotHeld():
            return Problem(Code.NOT_HELD, "The e-ticket is void, so nobody can get it.")
        case InUse():
            return Problem(Code.IN_USE, "Its holder is inside; transfer the e-ticket after they went out.")
