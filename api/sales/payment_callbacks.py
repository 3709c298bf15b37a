"""Payments as the gateway sees them: how one stands, and the callbacks that end it."""

from typing import Any, ClassVar, Literal

import msgspec
from aiohttp import web
from aiojobs.aiohttp import shield
from msgspec import UNSET

from api.access.callback_signatures import CALLBACK_SIGNATURES
from api.access.callers import caller_of
from api.app_keys import CARTS, ENGINE, PAYMENTS, POSTGRES, SETTINGS
from api.engine_problems import problem_of
from api.http.problems import not_found
from api.http.replies import Reply, json_reply
from api.http.requests import read_body, read_bytes
from api.http.text import Text
from api.http.times import rfc3339
from api.sales.schemas import Payment, ReceivedMoney, Refund
from engine.carts import CartState, cart_of_payment
from engine.commands.reservations import Find
from engine.ids import event_of, reservation_of_attempt
from engine.results.payments import PaymentSettled
from engine.results.reservations import Found, NotFound, PaymentInProgress
from payments.carts import CallbackRefusal, CartPayment, outcome_of
from sync.read_models.reservations import StoredPayment, get_payment


class Settlement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/payments/{payment_id}/settle. `note`: why, for those who look at it later."""

    outcome: Literal["completed", "failed"]
    note: Text

    EXAMPLE: ClassVar[Any] = {"outcome": "completed", "note": "The customer paid the rest by bank transfer."}


_SETTLEMENT = msgspec.json.Decoder(Settlement)
_STATUS: dict[CartState, Literal["pending", "completed", "failed"]] = {
    CartState.BOOKED: "pending",
    CartState.COMPLETED: "completed",
    CartState.FAILED: "failed",
}


async def read_payment(request: web.Request) -> Reply:
    """GET /v1/payments/{payment_id}: reads a payment with its reservations."""
    return json_reply(_view(await _find(request, request.match_info["payment_id"])))


async def complete_payment(request: web.Request) -> Reply:
    """POST /v1/payments/{payment_id}/complete: reports that the payment succeeded; everything is sold."""
    return await _end(request, CartState.COMPLETED)


async def fail_payment(request: web.Request) -> Reply:
    """POST /v1/payments/{payment_id}/failed: reports that the payment failed; everything is available again."""
    return await _end(request, CartState.FAILED)


async def _end(request: web.Request, outcome: CartState) -> Reply:
    payment_id = request.match_info["payment_id"]
    await _check(request)
    plays_customer = request.app[SETTINGS].auth == "off"
    ended = await shield(request, request.app[CARTS].end(payment_id, outcome, plays_customer=plays_customer))
    if isinstance(ended, NotFound):
        ended = await shield(request, _end_stored(request, await _stored(request, payment_id), outcome))
    if isinstance(ended, PaymentSettled | PaymentInProgress):
        raise problem_of(ended)
    return json_reply(_view(ended))


async def settle_payment(request: web.Request) -> Reply:
    """POST /v1/payments/{payment_id}/settle: decides about a payment that is disputed.

    `completed`: it counts as made. `failed`: its places go back, or, of a refund, the gateway is asked again.
    """
    body = await read_body(request, _SETTLEMENT)
    payment = await _find(request, request.match_info["payment_id"])
    return await shield(request, _settle(request, payment, body))


async def _settle(request: web.Request, payment: CartPayment, body: Settlement) -> Reply:
    payment_id, completed = payment.payment_id, body.outcome == "completed"
    settled = await request.app[CARTS].settle_dispute(payment_id, completed=completed, note=body.note)
    if isinstance(settled, NotFound):  # each reservation decides for itself
        for reservation_id in payment.reservation_ids:
            refusal = await request.app[PAYMENTS].settle_dispute(
                reservation_id, payment_id, completed=completed, note=body.note
            )
            if refusal is not None:
                raise problem_of(refusal)
        settled = await request.app[CARTS].read(payment_id) or await _stored(request, payment_id)
    if isinstance(settled, PaymentSettled | PaymentInProgress):
        raise problem_of(settled)
    return json_reply(_view(settled))


async def _check(request: web.Request) -> None:
    """Raises Problem for a callback that must be signed and is not, or else is not for the caller.

    Its body is the gateway's own message. The path says all that is needed of it, so it is not looked at.
    """
    signatures, body = request.app[CALLBACK_SIGNATURES], await read_bytes(request)
    if signatures.required:
        await signatures.check(request.headers, body, request.path)
    elif caller_of(request).events is not None:
        await _find(request, request.match_info["payment_id"])


async def _end_stored(request: web.Request, payment: CartPayment, outcome: CartState) -> CartPayment | CallbackRefusal:
    """Ends a payment that no cart decides about: of one reservation, or of a cart that began again or is long gone."""
    payment_id, completed = payment.payment_id, outcome is CartState.COMPLETED
    refusal: CallbackRefusal | None = PaymentSettled()
    if cart_of_payment(payment_id) is None:
        (reservation_id,) = payment.reservation_ids
        plays_customer = request.app[SETTINGS].auth == "off"
        refusal = await request.app[PAYMENTS].called_back(
            reservation_id, payment_id, completed=completed, plays_customer=plays_customer
        )
    elif completed and await request.app[CARTS].sell_late(payment_id, payment.reservation_ids):
        refusal = None
    if refusal is not None and payment.state is not outcome:
        return refusal
    now = await _stored(request, payment_id)
    return now if now.is_disputed else now._replace(state=outcome)


async def _find(request: web.Request, payment_id: str) -> CartPayment:
    """The payment, if it is for the caller. Raises Problem: not_found or forbidden; Fault, PostgresAway."""
    payment = await request.app[CARTS].read(payment_id) or await _stored(request, payment_id)
    caller = caller_of(request)
    if not caller.owns(payment.customer_id):
        raise not_found("such payment")
    caller.check_events(filter(None, map(event_of, payment.reservation_ids)))
    return payment


async def _stored(request: web.Request, payment_id: str) -> CartPayment:
    """A payment that no cart decides about. Raises Problem not_found, Fault, PostgresAway."""
    parts = await _attempts(request, payment_id)
    if not parts and payment_id.isascii() and payment_id.isprintable():
        parts = await get_payment(request.app[POSTGRES], payment_id)
    if not parts:
        raise not_found("such payment")
    states = {outcome_of(part.attempt.state) for part in parts}
    state = next(state for state in _STATUS if state in states)
    return CartPayment(
        payment_id,
        state,
        [part.reservation_id for part in parts],
        [part.attempt for part in parts],
        parts[0].customer_id,
        parts[0].currency,
    )


async def _attempts(request: web.Request, payment_id: str) -> list[StoredPayment]:
    """The attempt that the id names, as Redis has it at this instant; none if Redis has deleted it. Raises Fault."""
    reservation_id = reservation_of_attempt(payment_id)
    if reservation_id is None or event_of(reservation_id) is None:
        return []
    found = await request.app[ENGINE].submit(Find(reservation_id))
    if not isinstance(found, Found):
        return []
    return [
        StoredPayment(reservation_id, found.record.customer_id, attempt, found.record.currency)
        for attempt in found.record.attempts
        if attempt.attempt_id == payment_id
    ]


def _view(payment: CartPayment) -> Payment:
    disputed = next((attempt.received[0] for attempt in payment.attempts if attempt.is_disputed), None)
    return Payment(
        id=payment.payment_id,
        status="disputed" if disputed else _STATUS[payment.state],
        amount=payment.amount_minor,
        currency=payment.currency,
        reservations=payment.reservation_ids,
        refunds=[
            Refund(
                id=refund.refund_id,
                amount=refund.amount_minor,
                status="completed" if refund.settled_ms else "pending",
                created_at=rfc3339(refund.created_ms),
            )
            for attempt in payment.attempts
            for refund in attempt.refunds
        ],
        received=ReceivedMoney(disputed.amount_minor, disputed.currency) if disputed else UNSET,
    )
