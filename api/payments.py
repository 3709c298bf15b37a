"""Paying a reservation, and giving its money back."""

from typing import Annotated

import msgspec
from aiohttp import web
from aiojobs.aiohttp import shield
from msgspec import Meta

from api.bodies import CurrencyText, read_body
from api.callers import caller_of
from api.idempotency import body_digest, idempotency_key, once
from api.keys import PAYMENTS
from api.problems import Code, Problem
from api.refusals import failed_payment, problem_of
from api.replies import Reply, json_reply
from api.reservations import archived_reservation, check_reservation, show_reservation
from api.wrong_fields import VISIBLE_ASCII
from engine.commands import BeginPayment, Refund
from engine.ids import keyed_attempt_id, new_attempt_id
from engine.records import Record
from engine.results import (
    AlreadyCancelled,
    AmountMismatch,
    Expired,
    NotFound,
    NotHeld,
    OnRecord,
    Paid,
    Paying,
    PaymentFailed,
    RefundDue,
    Refunded,
)
from engine.words import CURRENCY, State


class PaymentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/reservations/{reservation_id}/pay. `amount` is the whole total, in minor units."""

    amount: Annotated[int, Meta(ge=0, le=10**15)]
    currency: CurrencyText
    payment_token: Annotated[str, Meta(min_length=1, max_length=255, pattern=VISIBLE_ASCII)]


class RefundWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/reservations/{reservation_id}/refund. `restock`: the places are for sale again."""

    restock: bool


_PAYMENT = msgspec.json.Decoder(PaymentBody)
_REFUND = msgspec.json.Decoder(RefundWish)


async def pay_reservation(request: web.Request) -> Reply:
    """POST /v1/reservations/{reservation_id}/pay: pays it; charges once, even if the client goes away."""
    reservation_id = request.match_info["reservation_id"]
    body = await read_body(request, _PAYMENT)
    check_currency(body.currency)
    await check_reservation(request, reservation_id)
    paying = once(request, f"pay {reservation_id}", body, lambda: _pay(request, reservation_id, body))
    return await shield(request, paying)


async def _pay(request: web.Request, reservation_id: str, body: PaymentBody) -> Reply:
    key = idempotency_key(request)
    if key is None:
        attempt_id, digest = new_attempt_id(reservation_id), ""
    else:
        attempt_id, digest = keyed_attempt_id(reservation_id, caller_of(request).scope, key), body_digest(body)
    begin = BeginPayment(reservation_id, attempt_id, body.amount, digest)
    result = await request.app[PAYMENTS].pay(begin, body.payment_token)
    match result:
        case Paid():
            return await _reservation_reply(request, reservation_id, result)
        case Paying():
            return await _reservation_reply(request, reservation_id, result, status=202)
        case RefundDue():
            return Problem(Code.EXPIRED, "The hold ran out before the money came; the money goes back.").reply()
        case PaymentFailed(record=record):
            reason = next(attempt.reason for attempt in record.attempts if attempt.attempt_id == attempt_id)
            return failed_payment(reason).reply()
        case NotFound():
            archived = await archived_reservation(request, reservation_id)
            return await _pay_archived(request, reservation_id, archived, body.amount)
        case _:
            raise problem_of(result)


async def _pay_archived(request: web.Request, reservation_id: str, record: Record, amount_minor: int) -> Reply:
    """What paying a reservation answers that ended so long ago that only Postgres knows it."""
    match record.state:
        case State.PAID if amount_minor == record.total_minor:
            return json_reply(await show_reservation(request, reservation_id, record, record.deadline_ms))
        case State.EXPIRED:
            raise problem_of(Expired())
        case State.CANCELLED:
            raise problem_of(AlreadyCancelled())
        case State.PAID:
            raise problem_of(AmountMismatch(record.total_minor))
        case _:
            raise problem_of(NotHeld())


async def refund_reservation(request: web.Request) -> Reply:
    """POST /v1/reservations/{reservation_id}/refund: gives the money back.

    200 when it has gone back, 202 while it is on its way.
    """
    reservation_id = request.match_info["reservation_id"]
    body = await read_body(request, _REFUND)
    await check_reservation(request, reservation_id)
    refunding = once(request, f"refund {reservation_id}", body, lambda: _refund(request, reservation_id, body))
    return await shield(request, refunding)


async def _refund(request: web.Request, reservation_id: str, body: RefundWish) -> Reply:
    payments = request.app[PAYMENTS]
    result = await payments.refund(Refund(reservation_id, body.restock))
    if isinstance(result, NotFound):
        archived = await archived_reservation(request, reservation_id)
        result = await payments.refund(Refund(reservation_id, body.restock, archived))
    if not isinstance(result, RefundDue | Refunded):
        raise problem_of(result)
    status = 200 if isinstance(result, Refunded) else 202
    return await _reservation_reply(request, reservation_id, result, status=status)


def check_currency(currency: str) -> None:
    """Raises Problem currency_not_supported for any but EUR."""
    if currency != CURRENCY:
        raise Problem(Code.CURRENCY_NOT_SUPPORTED, f"Only {CURRENCY} is supported, not {currency!r}.")


async def _reservation_reply(
    request: web.Request, reservation_id: str, result: OnRecord, *, status: int = 200
) -> Reply:
    view = await show_reservation(request, reservation_id, result.record, result.now_ms)
    return json_reply(view, status=status)
