"""Routes of reservations, carts and payments."""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus

from api.access.callers import CUSTOMERS, MANAGERS, SERVICES
from api.http.problems import Code
from api.http.requests import Ignored, Nothing
from api.http.types import OpaqueId, Page, Uuid
from api.route import Link, Route
from api.sales import (
    cart_claims,
    cart_removals,
    carts,
    event_refunds,
    exchanges,
    open_payments,
    payment_callbacks,
    payments,
    refunds,
    reservation_changes,
    reservations,
    schemas,
)

_OK, _CREATED, _ACCEPTED = HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED
_NOTHING: Mapping[HTTPStatus, None] = {HTTPStatus.NO_CONTENT: None}

_RESERVATION, _CART = "/v1/reservations/{reservation_id}", "/v1/orders/carts/{cart_id}"
_PAYMENT, _EVENT_REFUND = "/v1/payments/{payment_id}", "/v1/events/{event_id}/refund"

_TAKING = (
    Code.NOT_FOUND,
    Code.SALE_CLOSED,
    Code.SALE_PAUSED,
    Code.NOT_ON_SALE_YET,
    Code.PRICE_CHANGED,
    Code.CURRENCY_NOT_SUPPORTED,
    Code.LIMIT_EXCEEDED,
    Code.QUEUE_REQUIRED,
    Code.NOT_YOUR_TURN,
    Code.PASS_EXPIRED,
    Code.RATE_LIMITED,
    Code.SOLD_OUT,
    Code.SEAT_TAKEN,
    Code.CODE_UNKNOWN,
    Code.CODE_USED_UP,
    Code.CODE_NOT_APPLICABLE,
)
_NOT_OF_CHANGES = (Code.PRICE_CHANGED, Code.CURRENCY_NOT_SUPPORTED, Code.CODE_UNKNOWN)
_OF_A_QUEUE = (Code.QUEUE_REQUIRED, Code.NOT_YOUR_TURN, Code.PASS_EXPIRED, Code.RATE_LIMITED, Code.CODE_UNKNOWN)
_ENDED = (Code.EXPIRED, Code.CANCELLED, Code.NOT_HELD)


_ID = "$response.body#/id"
_RESERVATION_ID = {"reservation_id": _ID}
_OF_RESERVATION = (
    Link("read_reservation", _RESERVATION_ID),
    Link(
        "pay_reservation",
        _RESERVATION_ID,
        {"amount": "$response.body#/total/amount", "currency": "EUR", "payment_token": "tok_visa"},
    ),
    Link("cancel_reservation", _RESERVATION_ID),
)
_OF_PAYING = (
    Link("read_reservation", _RESERVATION_ID),
    Link("refund_reservation", _RESERVATION_ID, {"restock": True}),
)
_OF_REFUND = (Link("restock_reservation", _RESERVATION_ID),)
_OF_CART = (Link("read_cart", {"cart_id": _ID}), Link("book_cart", {"cart_id": _ID}))
_PAYMENT_ID = {"payment_id": "$response.body#/payment_id"}
_OF_PAYMENT = (
    Link("read_payment", _PAYMENT_ID),
    Link("complete_payment", _PAYMENT_ID),
    Link("fail_payment", _PAYMENT_ID),
)

_reservations = partial(Route, tag="Reservations", roles=CUSTOMERS, path_types={"reservation_id": OpaqueId})
_carts = partial(
    Route, tag="Carts and payments", roles=CUSTOMERS, scoped=True, path_types={"cart_id": Uuid, "payment_id": OpaqueId}
)

ROUTES: tuple[Route, ...] = (
    _reservations(
        method="POST",
        path="/v1/reservations",
        handler=reservations.create_reservation,
        links=_OF_RESERVATION,
        body=reservations.NewReservation,
        keyed=True,
        scoped=True,
        answers={_CREATED: schemas.Reservation},
        refusals=(*_TAKING, Code.SLOT_NOT_SCHEDULED),
    ),
    _reservations(
        method="GET",
        path="/v1/reservations",
        handler=reservations.list_all_reservations,
        query=reservations.ReservationsQuery,
        scoped=True,
        answers={_OK: Page[schemas.Reservation]},
    ),
    _reservations(
        method="GET",
        path=_RESERVATION,
        handler=reservations.read_reservation,
        links=_OF_RESERVATION,
        answers={_OK: schemas.Reservation},
    ),
    _reservations(
        method="PATCH",
        path=_RESERVATION,
        handler=reservation_changes.change_reservation,
        links=_OF_RESERVATION,
        body=reservation_changes.ReservationPatch,
        scoped=True,
        answers={_OK: schemas.Reservation},
        refusals=(
            *(code for code in _TAKING if code not in _NOT_OF_CHANGES),
            *_ENDED,
            Code.ALREADY_PAID,
            Code.PAYMENT_IN_PROGRESS,
            Code.SLOT_NOT_SCHEDULED,
        ),
    ),
    _reservations(
        method="DELETE",
        path=_RESERVATION,
        handler=reservations.cancel_reservation,
        answers=_NOTHING,
        refusals=(Code.EXPIRED, Code.NOT_HELD, Code.ALREADY_PAID, Code.PAYMENT_IN_PROGRESS),
    ),
    _reservations(
        method="POST",
        path=f"{_RESERVATION}/pay",
        handler=payments.pay_reservation,
        settles=True,
        links=_OF_PAYING,
        body=payments.PaymentBody,
        keyed=True,
        answers={_OK: schemas.Reservation, _ACCEPTED: schemas.Reservation},
        refusals=(
            *_ENDED,
            Code.SALE_CLOSED,
            Code.LIMIT_EXCEEDED,
            Code.CARD_DECLINED,
            Code.PAYMENT_FAILED,
            Code.PAYMENT_IN_PROGRESS,
            Code.AMOUNT_MISMATCH,
            Code.CURRENCY_NOT_SUPPORTED,
        ),
    ),
    _reservations(
        method="POST",
        path=f"{_RESERVATION}/refund",
        handler=refunds.refund_reservation,
        settles=True,
        links=_OF_REFUND,
        body=refunds.RefundWish,
        keyed=True,
        roles=MANAGERS,
        answers={_OK: schemas.Reservation, _ACCEPTED: schemas.Reservation},
        refusals=(Code.NOT_HELD, Code.PAYMENT_IN_PROGRESS, Code.AMOUNT_MISMATCH, Code.CURRENCY_NOT_SUPPORTED),
    ),
    _reservations(
        method="POST",
        path=f"{_RESERVATION}/exchange",
        handler=exchanges.exchange_reservation,
        settles=True,
        body=exchanges.ExchangeWish,
        keyed=True,
        roles=SERVICES,
        answers={_OK: schemas.Reservation, _ACCEPTED: schemas.Reservation},
        refusals=(
            *(code for code in _TAKING if code not in _OF_A_QUEUE),
            Code.NOT_HELD,
            Code.EXPIRED,
            Code.CARD_DECLINED,
            Code.PAYMENT_FAILED,
            Code.PAYMENT_IN_PROGRESS,
            Code.SLOT_NOT_SCHEDULED,
        ),
    ),
    _reservations(
        method="POST",
        path=f"{_RESERVATION}/restock",
        handler=refunds.restock_reservation,
        body=Nothing,
        roles=MANAGERS,
        answers={_OK: schemas.Reservation},
        refusals=(Code.NOT_HELD,),
    ),
    _reservations(
        method="POST",
        path=_EVENT_REFUND,
        handler=event_refunds.refund_event,
        body=Nothing,
        roles=MANAGERS,
        answers={_ACCEPTED: schemas.EventRefunds},
        refusals=(Code.IN_USE,),
    ),
    _reservations(
        method="GET",
        path=_EVENT_REFUND,
        handler=event_refunds.read_event_refunds,
        roles=MANAGERS,
        answers={_OK: schemas.EventRefunds},
        refusals=(Code.IN_USE,),
    ),
    _carts(method="GET", path=_CART, handler=carts.read_cart, answers={_OK: schemas.Cart}, refusals=(Code.EXPIRED,)),
    _carts(
        method="POST",
        path=_CART,
        handler=carts.add_to_cart,
        links=_OF_CART,
        body=carts.CartItemBody,
        keyed=True,
        answers={_OK: schemas.Cart},
        refusals=(*_TAKING, *_ENDED, Code.ALREADY_PAID, Code.PAYMENT_IN_PROGRESS, Code.SLOT_NOT_SCHEDULED),
    ),
    _carts(
        method="DELETE",
        path=f"{_CART}/events/{{event_id}}/seats/{{seat_id}}",
        handler=cart_removals.remove_from_cart,
        answers={_OK: schemas.Cart},
        refusals=(Code.EXPIRED, Code.NOT_HELD, Code.ALREADY_PAID, Code.PAYMENT_IN_PROGRESS),
    ),
    _carts(
        method="DELETE",
        path=f"{_CART}/events/{{event_id}}/tickets/{{ticket_id}}",
        handler=cart_removals.remove_ticket_from_cart,
        answers={_OK: schemas.Cart},
        refusals=(Code.EXPIRED, Code.NOT_HELD, Code.ALREADY_PAID, Code.PAYMENT_IN_PROGRESS),
    ),
    _carts(
        method="DELETE",
        path=_CART,
        handler=cart_removals.discard_cart,
        answers=_NOTHING,
        refusals=(Code.ALREADY_PAID, Code.PAYMENT_IN_PROGRESS),
    ),
    _carts(
        method="POST",
        path=f"{_CART}/claim",
        handler=cart_claims.claim_cart,
        links=_OF_CART,
        body=cart_claims.ClaimBody,
        body_optional=True,
        answers={_OK: schemas.Cart},
        refusals=(*_ENDED, Code.LIMIT_EXCEEDED, Code.ALREADY_PAID, Code.PAYMENT_IN_PROGRESS, Code.PAYMENT_SETTLED),
    ),
    _carts(
        method="PUT",
        path=f"{_CART}/book",
        handler=carts.book_cart,
        settles=True,
        links=_OF_PAYMENT,
        body=Nothing,
        answers={_OK: schemas.BookedCart},
        refusals=(
            Code.NOT_HELD,
            Code.ALREADY_PAID,
            Code.PAYMENT_IN_PROGRESS,
            Code.PAYMENT_SETTLED,
            Code.SALE_CLOSED,
        ),
    ),
    _carts(
        method="GET",
        path="/v1/payments",
        handler=open_payments.list_payments,
        query=open_payments.OpenPaymentsQuery,
        roles=MANAGERS,
        answers={_OK: Page[schemas.OpenPayment]},
    ),
    _carts(method="GET", path=_PAYMENT, handler=payment_callbacks.read_payment, answers={_OK: schemas.Payment}),
    _carts(
        method="POST",
        path=f"{_PAYMENT}/settle",
        handler=payment_callbacks.settle_payment,
        body=payment_callbacks.Settlement,
        answers={_OK: schemas.Payment},
        roles=MANAGERS,
        refusals=(Code.PAYMENT_SETTLED, Code.PAYMENT_IN_PROGRESS),
    ),
    _carts(
        method="POST",
        path=f"{_PAYMENT}/complete",
        handler=payment_callbacks.complete_payment,
        body=Ignored,
        answers={_OK: schemas.Payment},
        roles=SERVICES,
        signed=True,
        refusals=(Code.PAYMENT_SETTLED, Code.PAYMENT_IN_PROGRESS),
    ),
    _carts(
        method="POST",
        path=f"{_PAYMENT}/failed",
        handler=payment_callbacks.fail_payment,
        body=Ignored,
        answers={_OK: schemas.Payment},
        roles=SERVICES,
        signed=True,
        refusals=(Code.PAYMENT_SETTLED, Code.PAYMENT_IN_PROGRESS),
    ),
)
