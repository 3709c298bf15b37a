"""What can be done next with what a call answered: the links of the OpenAPI document.

Only what every answer of the call has is used: tools that follow links take one that leads nowhere for a mistake.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Link:
    """The operation to call, and where its parameters and its body come from (runtime expressions of OpenAPI)."""

    to: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


_ID = "$response.body#/id"
_CUSTOMER = {"id": "22", "first_name": "Islom", "last_name": "Karimov"}
_PRICE = {"amount": 30_000, "currency": "EUR"}

_EVENT = {"event_id": _ID}
_OF_EVENT = (
    Link("read_event", _EVENT),
    Link("change_event", _EVENT, {"status": "on_sale", "sale_opens_at": None, "sale_closes_at": None}),
    Link("add_ticket", _EVENT, {"ticket_type": "VIP", "price": _PRICE, "capacity": 300}),
    Link("read_availability", _EVENT),
    Link("read_statistics_of_event", _EVENT),
)
_EVENT_IN_VENUE = {
    "name": "Big event",
    "starts_at": "2027-06-01T18:00:00Z",
    "status": "on_sale",
    "venue_id": _ID,
    "tickets": [{"ticket_type": "Stalls", "price": _PRICE, "section_ids": ["$response.body#/sections/0/id"]}],
}
_OF_VENUE = (
    Link("read_venue", {"venue_id": _ID}),
    Link("list_sections", {"venue_id": _ID}),
    Link("create_event", body=_EVENT_IN_VENUE),
)

_OF_TICKET = (
    Link("read_ticket", {"ticket_id": _ID}),
    Link("change_ticket", {"ticket_id": _ID}, {"capacity": 400}),
    Link("create_reservation", body={"items": [{"ticket_id": _ID, "quantity": 1}], "customer": _CUSTOMER}),
    Link("add_to_cart", body={"event_id": "$response.body#/event/id", "price_id": _ID, "quantity": 1}),
)
_RESERVATION = {"reservation_id": _ID}
_OF_RESERVATION = (
    Link("read_reservation", _RESERVATION),
    Link(
        "pay_reservation",
        _RESERVATION,
        {"amount": "$response.body#/total/amount", "currency": "EUR", "payment_token": "tok_visa"},
    ),
    Link("cancel_reservation", _RESERVATION),
)
_OF_PAYING = (
    Link("read_reservation", _RESERVATION),
    Link("refund_reservation", _RESERVATION, {"restock": True}),
)

_OF_CART = (Link("read_cart", {"cart_id": _ID}), Link("book_cart", {"cart_id": _ID}))

_PAYMENT = {"payment_id": "$response.body#/payment_id"}
_OF_PAYMENT = (
    Link("read_payment", _PAYMENT),
    Link("complete_payment", _PAYMENT),
    Link("fail_payment", _PAYMENT),
)

_BOOKING = {"event_id": "$response.body#/event_id", "booking_id": _ID}
_OF_BOOKING = (
    Link("read_booking", _BOOKING),
    Link("change_booking", _BOOKING, {"first_name": "Asha"}),
    Link("delete_booking", _BOOKING),
)

_WEBHOOK = {"webhook_id": _ID}
_OF_WEBHOOK = (
    Link("read_webhook", _WEBHOOK),
    Link("change_webhook", _WEBHOOK, {"description": "The shop's own"}),
    Link("rotate_secret", _WEBHOOK),
    Link("test_webhook", _WEBHOOK),
    Link("list_deliveries", _WEBHOOK),
    Link("delete_webhook", _WEBHOOK),
)
_OF_DELIVERY = (Link("redeliver", {"webhook_id": "$request.path.webhook_id", "delivery_id": _ID}),)

LINKS: Mapping[str, tuple[Link, ...]] = {
    "create_venue": _OF_VENUE,
    "create_event": _OF_EVENT,
    "change_event": _OF_EVENT,
    "add_ticket": _OF_TICKET,
    "read_ticket": _OF_TICKET,
    "create_reservation": _OF_RESERVATION,
    "read_reservation": _OF_RESERVATION,
    "pay_reservation": _OF_PAYING,
    "add_to_cart": _OF_CART,
    "book_cart": _OF_PAYMENT,
    "create_booking": _OF_BOOKING,
    "create_webhook": _OF_WEBHOOK,
    "test_webhook": _OF_DELIVERY,
}
"""By the operation whose answer leads on."""
