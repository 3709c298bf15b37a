"""Payments as the gateway sees them: how one stands, and the callbacks that end it."""

from typing import Literal

from aiohttp import web
from aiojobs.aiohttp import shield

from api.answers import Payment
from api.bodies import read_bytes, read_no_body
from api.callers import caller_of
from api.keys import CALLBACK_SIGNATURES, CARTS, ENGINE, PAYMENTS, POSTGRES
from api.problems import not_found
from api.refusals import problem_of
from api.replies import Reply, json_reply
from engine.carts import CartState, cart_of_payment
from engine.commands import Find
from engine.ids import event_of, reservation_of_attempt
from engine.results import Found, NotFound, PaymentSettled
from engine.words import CURRENCY
from sync.carts import CartPayment, outcome_of
from sync.reservations import StoredPayment, get_payment

_STATUS: dict[CartState, Literal["pending", "completed", "failed"]] = {
    CartState.BOOKED: "pending",
    CartState.COMPLETED: "completed",
    CartState.FAILED: "failed",
}


async def read_payment(request: web.Request) -> Reply:
    """GET /v1/payments/{payment_id}: a payment, and the reservations that it is for."""
    return json_reply(_view(await _find(request, request.match_info["payment_id"])))


async def complete_payment(request: web.Request) -> Reply:
    """POST /v1/payments/{payment_id}/complete: the money was taken, everything is sold."""
    return await _end(request, CartState.COMPLETED)


async def fail_payment(request: web.Request) -> Reply:
    """POST /v1/payments/{payment_id}/failed: no money comes, everything is available."""
    return await _end(request, CartState.FAILED)


async def _end(request: web.Request, outcome: CartState) -> Reply:
    payment_id = request.match_info["payment_id"]
    await _check(request)
    ended = await shield(request, request.app[CARTS].end(payment_id, outcome))
    if isinstance(ended, NotFound):
        ended = await shield(request, _end_stored(request, await _stored(request, payment_id), outcome))
    if isinstance(ended, PaymentSettled):
        raise problem_of(ended)
    return json_reply(_view(ended))


async def _check(request: web.Request) -> None:
    """Raises Problem for a callback that must be signed and is not, or else has a body, or is not for who asks.

    What a gateway signs is its own message. The path says all that is needed of it, so it is not read further.
    """
    signatures = request.app[CALLBACK_SIGNATURES]
    if signatures.required:
        await signatures.check(request.headers, await read_bytes(request), request.path)
    else:
        await read_no_body(request)
        if caller_of(request).events is not None:
            await _find(request, request.match_info["payment_id"])


async def _end_stored(request: web.Request, payment: CartPayment, outcome: CartState) -> CartPayment | PaymentSettled:
    """Ends a payment that no cart decides about: of one reservation, or of a cart that began anew or is long gone."""
    payment_id, completed = payment.payment_id, outcome is CartState.COMPLETED
    if cart_of_payment(payment_id) is None:
        (reservation_id,) = payment.reservation_ids
        agreed = await request.app[PAYMENTS].called_back(reservation_id, payment_id, completed=completed)
    else:
        agreed = completed and await request.app[CARTS].sell_late(payment_id, payment.reservation_ids)
    if agreed or payment.state is outcome:
        return payment._replace(state=outcome)
    return PaymentSettled()


async def _find(request: web.Request, payment_id: str) -> CartPayment:
    """The payment, if it is for who asks. Raises Problem: not_found or forbidden; Fault, PostgresAway."""
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
    states = {outcome_of(part.state) for part in parts}
    state = next(state for state in _STATUS if state in states)
    return CartPayment(
        payment_id,
        state,
        sum(part.amount_minor for part in parts),
        [part.reservation_id for part in parts],
        parts[0].customer_id,
    )


async def _attempts(request: web.Request, payment_id: str) -> list[StoredPayment]:
    """The attempt that the id names, as Redis has it at this instant; none if Redis knows it no more. Raises Fault."""
    reservation_id = reservation_of_attempt(payment_id)
    if reservation_id is None or event_of(reservation_id) is None:
        return []
    found = await request.app[ENGINE].submit(Find(reservation_id))
    if not isinstance(found, Found):
        return []
    return [
        StoredPayment(reservation_id, attempt.state, attempt.amount_minor, found.record.customer_id)
        for attempt in found.record.attempts
        if attempt.attempt_id == payment_id
    ]


def _view(payment: CartPayment) -> Payment:
    return Payment(
        id=payment.payment_id,
        status=_STATUS[payment.state],
        amount=payment.amount_minor,
        currency=CURRENCY,
        reservations=payment.reservation_ids,
    )
