"""Exchanges: a paid reservation moves to other places of its event, and the difference is charged or refunded."""

from functools import partial
from typing import Annotated, Any, ClassVar

import msgspec
from aiohttp import web
from msgspec import Meta

from api.access.callers import caller_of
from api.app_keys import PAYMENTS, SETTINGS
from api.auditing import OVERRIDE_LIMIT, overriding
from api.catalogue.cache import CATALOGUE
from api.catalogue.seating import Seating
from api.engine_problems import problem_of
from api.http.problems import Code, Problem, invalid
from api.http.replies import Reply
from api.http.requests import read_body
from api.http.text import VISIBLE_ASCII
from api.idempotency import body_digest, idempotency_key, once
from api.sales.expected_total import ExpectedTotal, expected_minor
from api.sales.items import ItemBody, earliest_slot, engine_items
from api.sales.payments import render_reservation, reservation_reply, secret_of
from api.sales.reservations import archived_reservation, below_minimum, event_of_items, find_reservation
from engine.commands.exchanges import Exchange, ExchangeRefusal
from engine.commands.items import items_text
from engine.ids import event_of, keyed_exchange_id, new_attempt_id
from engine.results.bookings import BookingExpired, SlotPast
from engine.results.codes import CodeNotApplicable
from engine.results.exchanges import Exchanged, Exchanging
from engine.results.holds import BelowMinimum
from engine.results.payments import AmountMismatch, PaymentFailed, TooManyAttempts
from engine.results.refunds import NotPaid, RefundDue
from engine.results.reservations import NotFound
from engine.results.seats import SeatTaken
from engine.words import FailureReason


class ExchangeWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/reservations/{reservation_id}/exchange: all that the reservation is to have.

    `payment_token`: needed only if that costs more. `expected_total`: at another one nothing is exchanged.
    `override_limit`: the customer may have more than `max_per_customer`.
    """

    items: Annotated[list[ItemBody], Meta(min_length=1, max_length=20)]
    payment_token: Annotated[str, Meta(min_length=1, max_length=255, pattern=VISIBLE_ASCII)] | None = None
    expected_total: ExpectedTotal | None = None
    override_limit: bool = False

    EXAMPLE: ClassVar[Any] = {"items": [{"ticket_id": 1, "quantity": 2}], "payment_token": "tok_visa"}


_WISH = msgspec.json.Decoder(ExchangeWish)


async def exchange_reservation(request: web.Request) -> Reply:
    """POST /v1/reservations/{reservation_id}/exchange: moves a paid reservation to other places of its event.

    All or nothing: the new places are taken, the old ones are for sale again, the difference is charged or refunded.
    Places that stay keep their price. 202 while the gateway does not say whether it has charged: until it does, the new
    places are pinned and the old ones stay sold.
    """
    reservation_id = request.match_info["reservation_id"]
    body = await read_body(request, _WISH)
    event = await event_of_items(request, body.items)
    if event.event_id != event_of(reservation_id):
        await find_reservation(request, reservation_id)
        raise invalid("items[0].ticket_id", "belongs to another event; a reservation stays with its event")
    seating = await request.app[CATALOGUE].seating(event)
    items = items_text(engine_items(body.items, event, seating, request.app[SETTINGS].slot_horizon_days))
    key = idempotency_key(request)
    attempt_id, digest = new_attempt_id(reservation_id), ""
    if key is not None:
        secret = secret_of(request, reservation_id)
        attempt_id = keyed_exchange_id(reservation_id, caller_of(request).scope, key, secret)
        digest = body_digest(body)
    command = Exchange(
        *(
            reservation_id,
            attempt_id,
            items,
            expected_minor(body.expected_total, event.currency),
            body.payment_token is not None,
        ),
        *(body.override_limit, digest),
    )
    act = partial(_exchange, request, command, body, seating)
    render = partial(render_reservation, request, reservation_id)
    return await once(request, f"exchange {reservation_id}", body, act, render)


async def _exchange(request: web.Request, command: Exchange, body: ExchangeWish, seating: Seating | None) -> Reply:
    payments, token = request.app[PAYMENTS], body.payment_token or ""
    with overriding("exchange_reservation", (OVERRIDE_LIMIT,) if body.override_limit else ()):
        result = await payments.exchange(command, token)
        if isinstance(result, NotFound):
            archived = await archived_reservation(request, command.reservation_id)
            result = await payments.exchange(msgspec.structs.replace(command, archived=archived), token)
    match result:
        case Exchanged():
            return await reservation_reply(request, command.reservation_id, result)
        case Exchanging():
            return await reservation_reply(request, command.reservation_id, result, status=202)
        case PaymentFailed(record=record):
            reason = next(each.reason for each in record.attempts if each.attempt_id == command.attempt_id)
            return _failed(reason).reply()
        case RefundDue():
            return Problem(
                Code.SALE_CLOSED, "The event was cancelled before the payment completed; the payment is being refunded."
            ).reply()
        case _:
            raise _refused(result, body.items, seating)


def _failed(reason: str) -> Problem:
    """402 for a difference that the gateway did not charge."""
    if reason == FailureReason.CARD_DECLINED:
        return Problem(Code.CARD_DECLINED, "The card was declined. Nothing was exchanged; pay with another card.")
    return Problem(Code.PAYMENT_FAILED, "The payment failed. Nothing was exchanged or charged; try again.")


def _refused(refusal: ExchangeRefusal, items: list[ItemBody], seating: Seating | None) -> Problem:
    """The problem of an exchange, in words for who exchanges."""
    match refusal:
        case NotPaid(state=state):
            detail = f"The reservation is {state}; only a paid one can be exchanged."
            return Problem(Code.NOT_HELD, detail, state=state)
        case BookingExpired():
            return Problem(Code.EXPIRED, "A slot of the reservation has begun; it can no longer be exchanged.")
        case CodeNotApplicable():
            return Problem(
                Code.CODE_NOT_APPLICABLE,
                "The reservation has places that are set aside for a code; refund it, and reserve others.",
            )
        case AmountMismatch(total_minor=more_minor, currency=currency):
            message = f"required, but missing: the places cost {more_minor} {currency} more, in minor units"
            return invalid("payment_token", message)
        case TooManyAttempts(limit=limit):
            return Problem(
                Code.LIMIT_EXCEEDED,
                f"{limit} payments and exchanges of this reservation are kept; it takes no more, so refund it.",
                limit=limit,
            )
        case BelowMinimum():
            return below_minimum(refusal, items)
        case SeatTaken() | SlotPast():
            return problem_of(refusal, seating, earliest_slot(items))
        case _:
            return problem_of(refusal)
