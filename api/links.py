"""What can be done next with what a call answered: the links of the OpenAPI document."""

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
_AFTER_PAYING = (
    Link("read_reservation", _RESERVATION),
    Link("refund_reservation", _RESERVATION, {"restock": True}),
)

_EVENT = {"event_id": _ID}
_OF_EVENT = (
    Link("read_event", _EVENT),
    Link("change_event", _EVENT),
    Link("add_ticket", _EVENT),
    Link("read_availability", _EVENT),
    Link("read_statistics_of_event", _EVENT),
)

_OF_TICKET = (
    Link("read_ticket", {"ticket_id": _ID}),
    Link("change_ticket", {"ticket_id": _ID}),
    Link("create_reservation", body={"items": [{"ticket_id": _ID, "quantity": 1}], "customer": _CUSTOMER}),
    Link(
        "add_to_cart",
        {"cart_id": "6f4e1a52-7c2b-4d7e-9a35-0d8c1f2b3a49"},
        {"event_id": "$response.body#/event/id", "price_id": _ID, "quantity": 1},
    ),
)

_CART = {"cart_id": _ID}
_PAYMENT = {"payment_id": "$response.body#/payment_id"}

LINKS: Mapping[str, tuple[Link, ...]] = {
    "create_event": _OF_EVENT,
    "change_event": _OF_EVENT,
    "read_event": _OF_EVENT,
    "add_ticket": _OF_TICKET,
    "read_ticket": _OF_TICKET,
    "create_venue": (Link("read_venue", {"venue_id": _ID}), Link("list_sections", {"venue_id": _ID})),
    "create_reservation": _OF_RESERVATION,
    "read_reservation": _OF_RESERVATION,
    "pay_reservation": _AFTER_PAYING,
    "refund_reservation": (Link("read_reservation", _RESERVATION),),
    "add_to_cart": (Link("read_cart", _CART), Link("book_cart", _CART)),
    "remove_from_cart": (Link("read_cart", _CART),),
    "book_cart": (
        Link("read_payment", _PAYMENT),
        Link("complete_payment", _PAYMENT),
        Link("fail_payment", _PAYMENT),
    ),
}
"""By the operation whose answer leads on."""
