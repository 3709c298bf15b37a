"""Answers about sales: reservations, carts, payments."""

from typing import Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from api.catalogue.schemas import EventHead, Seat
from api.http.types import Currency, Money, Number, Timestamp
from engine.words import AttemptState, State
from sync.read_models.open_payments import PaymentStanding


class Customer(msgspec.Struct, gc=False, frozen=True):
    """The customer who reserved."""

    id: str
    first_name: str | None
    last_name: str | None

    EXAMPLE: ClassVar[Any] = {"id": "22", "first_name": "Islom", "last_name": "Karimov"}


class ReservedItem(msgspec.Struct, gc=False, frozen=True):
    """Places of one ticket, at the price when they were held. `slot`: the local start of a timed ticket's slot."""

    ticket_id: int
    ticket_type: str | None
    quantity: Number
    seats: list[Seat]
    unit_price: Money
    slot: str | UnsetType = UNSET
    starts_at: Timestamp | UnsetType = UNSET


class ReservationPayment(msgspec.Struct, gc=False, frozen=True):
    """The payment of a reservation."""

    id: str
    status: AttemptState
    amount: Number
    currency: Currency
    created_at: Timestamp
    completed_at: Timestamp | None

    EXAMPLE: ClassVar[Any] = {
        "id": "p-01k2m3n4p5q6r7s8",
        "status": "completed",
        "amount": 60_000,
        "currency": "EUR",
        "created_at": "2027-06-01T10:01:00Z",
        "completed_at": "2027-06-01T10:01:00.350Z",
    }


class Reservation(msgspec.Struct, gc=False, frozen=True):
    """A reservation. A held or expired one has a deadline; a paying or paid one has none.

    `refunded`: money of a paid one that went back, or is about to; its items are those that are left. Of one that ended
    it is there while less than was paid goes back; a manager can refund the rest. `code`: the code that it names.
    `offer`: its places were offered to somebody on a waiting list. `payments`: if there are several, all that have
    money or may have, in the order in which they began. An exchange that costs more makes a second one. `payment` is
    one of them.
    """

    id: str
    event: EventHead
    status: State
    customer: Customer
    items: list[ReservedItem]
    total: Money
    created_at: Timestamp
    expires_at: Timestamp | None
    expires_in_ms: Number | None
    payment: ReservationPayment | None
    payments: list[ReservationPayment] | UnsetType = UNSET
    refunded: Money | UnsetType = UNSET
    code: str | UnsetType = UNSET
    offer: bool | UnsetType = UNSET

    EXAMPLE: ClassVar[Any] = {
        "id": "1-01k2m3n4p5q6r7s8",
        "event": EventHead.EXAMPLE,
        "status": "held",
        "customer": Customer.EXAMPLE,
        "items": [{"ticket_id": 1, "ticket_type": "VIP", "quantity": 2, "seats": [], "unit_price": Money.EXAMPLE}],
        "total": {"amount": 60_000, "currency": "EUR"},
        "created_at": "2027-06-01T10:00:00Z",
        "expires_at": "2027-06-01T10:15:00Z",
        "expires_in_ms": 899_997,
        "payment": None,
    }


class CartItem(msgspec.Struct, gc=False, frozen=True):
    """A seat in a cart, or places without seats; then `seat` is null. `slot`: as of a ReservedItem."""

    event: EventHead
    ticket_id: int
    ticket_type: str | None
    seat: Seat | None
    quantity: Number
    unit_price: Money
    slot: str | UnsetType = UNSET
    starts_at: Timestamp | UnsetType = UNSET


class Cart(msgspec.Struct, frozen=True):
    """A cart. A booked cart has a payment instead of a deadline."""

    id: str
    status: Literal["open", "booked", "completed", "failed"]
    items: list[CartItem]
    total: Money
    expires_at: Timestamp | None
    payment_id: str | None

    EXAMPLE: ClassVar[Any] = {
        "id": "6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49",
        "status": "open",
        "items": [
            {
                "event": EventHead.EXAMPLE,
                "ticket_id": 5,
                "ticket_type": "Stalls",
                "seat": {"seat_id": 101, "section": "Stalls", "row": "A", "number": 1, "label": "1"},
                "quantity": 1,
                "unit_price": Money.EXAMPLE,
            }
        ],
        "total": Money.EXAMPLE,
        "expires_at": "2027-06-01T10:15:00Z",
        "payment_id": None,
    }


class BookedCart(msgspec.Struct, frozen=True):
    """The payment of a booked cart."""

    payment_id: str

    EXAMPLE: ClassVar[Any] = {"payment_id": "cart-6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49-1"}


class Refund(msgspec.Struct, gc=False, frozen=True):
    """Money of a payment that goes back; `pending` until the gateway has given it back."""

    id: str
    amount: Number
    status: Literal["pending", "completed"]
    created_at: Timestamp


class ReceivedMoney(msgspec.Struct, frozen=True):
    """The money that the gateway has of a payment; any currency."""

    amount: Number
    currency: str


class Payment(msgspec.Struct, frozen=True):
    """A payment as the gateway sees it, with the reservations that it is for, and what of it goes back.

    `disputed`: the gateway has another amount than is owed, which is in `received`; a manager settles it.
    """

    id: str
    status: Literal["pending", "completed", "failed", "disputed"]
    amount: Number
    currency: Currency
    reservations: list[str]
    refunds: list[Refund]
    received: ReceivedMoney | UnsetType = UNSET

    EXAMPLE: ClassVar[Any] = {
        "id": "cart-6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49-1",
        "status": "pending",
        "amount": 30_000,
        "currency": "EUR",
        "reservations": ["1-01k2m3n4p5q6r7s8"],
        "refunds": [],
    }


class OpenPayment(msgspec.Struct, frozen=True):
    """A payment that is not at its end, and the reservation that it is for. That of a cart is there once for each.

    `received`: what the gateway has, if that was ever not what is owed. `refund_due` is to go back.
    """

    id: str
    reservation_id: str
    event_id: int
    customer_id: str
    status: PaymentStanding
    amount: Money
    received: ReceivedMoney | None
    refund_due: Money
    created_at: Timestamp

    EXAMPLE: ClassVar[Any] = {
        "id": "1-01k2m3n4p5q6r7s8-1",
        "reservation_id": "1-01k2m3n4p5q6r7s8",
        "event_id": 1,
        "customer_id": "22",
        "status": "disputed",
        "amount": Money.EXAMPLE,
        "received": {"amount": 2_500, "currency": "EUR"},
        "refund_due": {"amount": 0, "currency": "EUR"},
        "created_at": "2027-06-01T10:00:00Z",
    }


class EventRefunds(msgspec.Struct, frozen=True):
    """Progress of the refunds of a cancelled event: reservations, and all money that goes or went back to them.

    `amount` is the sum of their refunds, those still to be made included, and not of what was charged.
    """

    event_id: int
    reservations: Number
    refunded: Number
    refund_due: Number
    amount: Money

    EXAMPLE: ClassVar[Any] = {
        "event_id": 1,
        "reservations": 120,
        "refunded": 80,
        "refund_due": 40,
        "amount": {"amount": 3_600_000, "currency": "EUR"},
    }
