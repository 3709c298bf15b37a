"""Paying a reservation."""

from contextlib import suppress
from functools import partial
from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from api.access.callers import caller_of
from api.app_keys import ENGINE, PAYMENTS
from api.catalogue.cache import CATALOGUE
from api.engine_problems import failed_payment, problem_of
from api.http.problems import Code, Problem, invalid
from api.http.replies import Reply, json_reply
from api.http.requests import CurrencyText, read_body
from api.http.text import VISIBLE_ASCII
from api.idempotency import Rendered, body_digest, idempotency_key, once
from api.sales.reservations import (
    archived_reservation,
    check_currency_of,
    check_reservation,
    find_reservation,
    show_reservation,
)
from engine.commands.payments import BeginPayment
from engine.errors import Fault
from engine.ids import event_of, keyed_attempt_id, new_attempt_id
from engine.records import Record
from engine.results.payments import Paid, Paying, PaymentFailed
from engine.results.refunds import RefundDue
from engine.results.reservations import NotFound
from engine.results.result import OnRecord


class PaymentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/reservations/{reservation_id}/pay. `amount` is the whole total, in minor units.

    Where that is 0 there is nothing to charge, and no token is needed.
    """

    amount: Annotated[int, Meta(ge=0, le=10**15)]
    currency: CurrencyText
    payment_token: Annotated[str, Meta(min_length=1, max_length=255, pattern=VISIBLE_ASCII)] | None = None

    EXAMPLE: ClassVar[Any] = {"amount": 60_000, "currency": "EUR", "payment_token": "tok_visa"}


class _Shown(msgspec.Struct, array_like=True, frozen=True):
    """The source of a reservation's view at an instant."""

    now_ms: int
    record: Record


_PAYMENT = msgspec.json.Decoder(PaymentBody)
_SHOWN, _ENCODER = msgspec.msgpack.Decoder(_Shown), msgspec.msgpack.Encoder()


async def pay_reservation(request: web.Request) -> Reply:
    """POST /v1/reservations/{reservation_id}/pay: pays a reservation. It charges once, in any case."""
    reservation_id = request.match_info["reservation_id"]
    body = await read_body(request, _PAYMENT)
    if body.amount and body.payment_token is None:
        raise invalid("payment_token", "required, but missing: only what costs nothing is paid without one")
    await check_reservation(request, reservation_id)
    await check_currency_of(request, reservation_id, body.currency)
    act, render = partial(_pay, request, reservation_id, body), partial(render_reservation, request, reservation_id)
    tag = request.app[ENGINE].tag_of(event_of(reservation_id) or 0)
    return await once(request, f"pay {reservation_id}", body, act, render, tag=tag)


async def _pay(request: web.Request, reservation_id: str, body: PaymentBody) -> Reply:
    key = idempotency_key(request)
    if key is None:
        attempt_id, digest = new_attempt_id(reservation_id), ""
    else:
        secret = secret_of(request, reservation_id)
        attempt_id = keyed_attempt_id(reservation_id, caller_of(request).scope, key, secret)
        digest = body_digest(body)
    begin = BeginPayment(reservation_id, attempt_id, body.amount, digest)
    result = await request.app[PAYMENTS].pay(begin, body.payment_token or "")
    if isinstance(result, NotFound):
        archived = await archived_reservation(request, reservation_id)
        begin = BeginPayment(reservation_id, attempt_id, body.amount, digest, archived)
        result = await request.app[PAYMENTS].pay(begin, body.payment_token or "")
    match result:
        case Paid():
            return await reservation_reply(request, reservation_id, result)
        case Paying():
            return await reservation_reply(request, reservation_id, result, status=202)
        case RefundDue():
            return (await _bought_nothing(request, reservation_id)).reply()
        case PaymentFailed(record=record):
            reason = next(attempt.reason for attempt in record.attempts if attempt.attempt_id == attempt_id)
            return failed_payment(reason).reply()
        case _:
            raise problem_of(result)


async def _bought_nothing(request: web.Request, reservation_id: str) -> Problem:
    """Why money came too late: the event was cancelled meanwhile, or the hold expired."""
    catalogue, event_id = request.app[CATALOGUE], event_of(reservation_id) or 0
    with suppress(Fault):  # what is known says enough, but for a moment
        await catalogue.refresh()
    event = catalogue.known_event(event_id)
    if event is not None and event.cancelled_ms is not None:
        return Problem(
            Code.SALE_CLOSED, "The event was cancelled before the payment completed; the payment is being refunded."
        )
    return Problem(Code.EXPIRED, "The hold expired before the payment completed; the payment is being refunded.")


def secret_of(request: web.Request, reservation_id: str) -> bytes:
    """The secret of keyed ids of a reservation's event."""
    return request.app[ENGINE].id_secret(event_of(reservation_id) or 0)


async def reservation_reply(
    request: web.Request, reservation_id: str, result: OnRecord, *, status: int = 200, changed: bool = True
) -> Rendered:
    """A reservation as it is after a command on it. A repeat is rendered from the record, which has no names."""
    view = await show_reservation(request, reservation_id, result.record, result.now_ms)
    shown = _Shown(result.now_ms, msgspec.structs.replace(result.record, details="", digest=""))
    return Rendered(json_reply(view, status=status), _ENCODER.encode(shown), changed=changed)


async def render_reservation(request: web.Request, reservation_id: str, source: bytes) -> Reply:
    """A reservation as it was after a command on it, with the names that are known now."""
    shown = _SHOWN.decode(source)
    now, _ = await find_reservation(request, reservation_id)
    record = msgspec.structs.replace(shown.record, details=now.details)
    return json_reply(await show_reservation(request, reservation_id, record, shown.now_ms))
