"""Check-in: gates scan codes, one at a time or many that they scanned offline."""

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from api.access.callers import caller_of
from api.app_keys import ENGINE, SETTINGS
from api.catalogue.cache import CATALOGUE
from api.catalogue.events import event_of_path
from api.doors.metrics import DOORS_METRICS
from api.doors.schemas import CODE, CheckInAnswer, CheckInAnswers, DoubledEntry
from api.doors.views import EticketViews, eticket_keys
from api.http.problems import invalid
from api.http.replies import Reply, json_reply
from api.http.requests import read_body, read_manifest
from api.http.text import FOR_PEOPLE, VISIBLE_ASCII
from api.http.times import milliseconds, rfc3339
from api.http.types import Instant
from engine.catalogue import EventSnapshot
from engine.commands.etickets import CheckIn
from engine.etickets import Named, decode_code
from engine.records import NumberedEticket
from engine.results.etickets import CheckedIn
from engine.words import Direction, ScanResult

MOST_AT_ONCE = 500
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(3000, 1, 1, tzinfo=UTC)
_NOBODY = Named(0, -1, 0)

GateName = Annotated[str, Meta(min_length=1, max_length=64, pattern=FOR_PEOPLE)]
Nonce = Annotated[str, Meta(min_length=1, max_length=64, pattern=VISIBLE_ASCII)]


class CheckInBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/events/{event_id}/check-ins: a code that a gate scanned.

    Without `gate`, its name is the caller's. The same gate and nonce are the same scan. `scanned_at` counts where
    `offline`: what a gate did by itself is recorded, and not judged again.
    """

    code: Annotated[str, Meta(max_length=500)]
    gate: GateName | None = None
    direction: Direction = Direction.IN
    scanned_at: Instant | None = None
    nonce: Nonce | None = None
    offline: bool = False

    EXAMPLE: ClassVar[Any] = {
        "code": CODE,
        "gate": "North 1",
        "direction": "in",
        "scanned_at": "2027-06-01T17:12:00Z",
        "nonce": "9f86d081-1",
        "offline": False,
    }


class CheckInsBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/events/{event_id}/check-ins/upload: scans in the order in which they were made."""

    items: Annotated[list[CheckInBody], Meta(min_length=1, max_length=MOST_AT_ONCE)]

    EXAMPLE: ClassVar[Any] = {"items": [CheckInBody.EXAMPLE | {"offline": True}]}


_CHECK_IN = msgspec.json.Decoder(CheckInBody)
_CHECK_INS = msgspec.json.Decoder(CheckInsBody)


async def check_in(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/check-ins: checks whether a code admits, and lets its holder in or out if so."""
    body = await read_body(request, _CHECK_IN)
    _check_instant(body, "")
    event = await event_of_path(request)
    views = await EticketViews.of(request, event.event_id)
    return json_reply(await _check_in(request, event, views, body))


async def upload_check_ins(request: web.Request) -> Reply:
    """POST /v1/events/{event_id}/check-ins/upload: records what a gate scanned, up to 500 scans at once."""
    body = await read_manifest(request, _CHECK_INS)
    for place, each in enumerate(body.items):
        _check_instant(each, f"items[{place}].")
    event = await event_of_path(request)
    views = await EticketViews.of(request, event.event_id)
    exits = _exits_beside(body.items)
    answers = await asyncio.gather(
        *(_check_in(request, event, views, each, beside) for each, beside in zip(body.items, exits, strict=True))
    )
    return json_reply(CheckInAnswers(list(answers)))


def _check_instant(body: CheckInBody, path: str) -> None:
    """Refuses what no gate's clock shows, and what a datetime in UTC cannot hold. Raises Problem invalid."""
    at = body.scanned_at
    if at is not None and not _EARLIEST <= at < _LATEST:
        raise invalid(f"{path}scanned_at", f"must be from {_EARLIEST.year} to {_LATEST.year - 1}")


async def _check_in(
    request: web.Request, event: EventSnapshot, views: EticketViews, body: CheckInBody, exits: tuple[int, int] = (0, 0)
) -> CheckInAnswer:
    named, verdict = await _judge(request, event, body.code)
    settings = request.app[SETTINGS]
    command = CheckIn(
        event.event_id,
        number=named.number,
        issue=named.issue,
        verdict=verdict,
        gate=body.gate or caller_of(request).sub,
        nonce=body.nonce or secrets.token_urlsafe(16),
        direction=body.direction.value,
        scanned_ms=milliseconds(body.scanned_at) if body.scanned_at else 0,
        offline=body.offline,
        times=(event.doors_open_ms or 0, settings.slot_early_seconds * 1000, settings.slot_late_seconds * 1000),
        exits=exits,
    )
    result = await request.app[ENGINE].submit(command)
    request.app[DOORS_METRICS].answered(event.event_id, body.direction, result, offline=body.offline)
    return _answer(views, result, body.code)


def _exits_beside(items: list[CheckInBody]) -> list[tuple[int, int]]:
    """Finds the last exit before each offline scan, and the first after it, with the same code; see CheckIn.

    So the order of the items does not matter. A scan without `scanned_at` is later than the others.
    """
    offline = [place for place, each in enumerate(items) if each.offline]
    offline.sort(key=lambda place: items[place].scanned_at or _LATEST)
    before, after = _last_exits(items, offline), _last_exits(items, offline[::-1])
    return [(before.get(place, 0), after.get(place, 0)) for place in range(len(items))]


def _last_exits(items: list[CheckInBody], order: list[int]) -> dict[int, int]:
    """Finds the last exit with the same code before each place, in this order; places that have none are not there."""
    found: dict[int, int] = {}
    exits: dict[str, int] = {}
    for place in order:
        each = items[place]
        code = _plain(each.code)
        if code in exits:
            found[place] = exits[code]
        if each.direction is Direction.OUT and each.scanned_at:
            exits[code] = milliseconds(each.scanned_at)
    return found


def _plain(code: str) -> str:
    return code.strip("\r\n").upper()


async def _judge(request: web.Request, event: EventSnapshot, code: str) -> tuple[Named, str]:
    """The e-ticket that a code names, and the result where the code itself says it, else an empty text."""
    decoded = decode_code(_plain(code))
    if decoded is None:
        return _NOBODY, ScanResult.UNKNOWN
    of = event
    if decoded.named.event_id != event.event_id:
        other = await request.app[CATALOGUE].event(decoded.named.event_id)
        if other is None:
            return _NOBODY, ScanResult.UNKNOWN
        of = other
    if not eticket_keys(request, of.event_id).verifies(decoded, of.eticket_keys):
        return _NOBODY, ScanResult.UNKNOWN
    return (decoded.named, "") if of is event else (_NOBODY, ScanResult.OTHER_EVENT)


def _answer(views: EticketViews, result: CheckedIn, code: str) -> CheckInAnswer:
    eticket = result.eticket[0] if result.eticket else None
    return CheckInAnswer(
        result=result.result,
        eticket=None if eticket is None else views.view(NumberedEticket(result.number, eticket), code),
        first_in_at=rfc3339(eticket.first_in_ms) if eticket and eticket.first_in_ms else None,
        conflict=DoubledEntry(result.other_gate, rfc3339(result.other_ms)) if result.other_ms else None,
    )
