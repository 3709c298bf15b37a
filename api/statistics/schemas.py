"""Answers about statistics."""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.http.types import Money, Number, Timestamp

_FIGURES = {
    "reserved": 3,
    "held": 1,
    "sold": 2,
    "cancelled": 1,
    "expired": 0,
    "refunded": 0,
    "kept": 0,
    "revenue": {"amount": 60_000, "currency": "EUR"},
    "conversion": 0.5,
}


class _Figures(msgspec.Struct, frozen=True, kw_only=True):
    reserved: Number
    held: Number
    sold: Number
    cancelled: Number
    expired: Number
    refunded: Number
    kept: Number
    revenue: Money
    conversion: Annotated[float, Meta(ge=0, le=1)] | None


class TicketAttendance(msgspec.Struct, frozen=True, rename={"inside": "in", "outside": "out"}):
    """The e-tickets of a ticket that are not void.

    All of them are `expected`; `in` and `out` are those whose holders are inside or went out; `came`: ever.
    """

    ticket_id: int
    ticket_type: str | None
    expected: Number
    inside: Number
    outside: Number
    came: Number


class MinuteOfDoors(msgspec.Struct, frozen=True, rename={"entered": "in", "left": "out"}):
    """The people who came in, and who went out, in the minute that begins `at`."""

    at: Timestamp
    entered: Number
    left: Number


class Attendance(msgspec.Struct, frozen=True, rename={"inside": "in", "outside": "out"}):
    """The check-ins of an event: together, by ticket, and by minute; minutes in which nobody passed are left out."""

    expected: Number
    inside: Number
    outside: Number
    came: Number
    tickets: list[TicketAttendance]
    minutes: list[MinuteOfDoors]


class EventStatistics(_Figures, frozen=True, kw_only=True):
    """Figures of an event, in places. `conversion` is paid reservations ÷ all that ended.

    `held` has those, too, that exchanges pin while their money comes. `kept` are off sale without an owner, as in
    availability: refunded without restock, or set aside for codes. `revenue` is the price of what is sold. A refund of
    another amount than the price does not change it; the report `money` counts charges and refunds. `check_ins` is
    there where one event is asked about.
    """

    event_id: int
    name: str
    sales_per_minute: Annotated[float, Meta(ge=0)]
    first_sale_at: Timestamp | None
    sold_out_at: Timestamp | None
    check_ins: Attendance | UnsetType = UNSET

    EXAMPLE: ClassVar[Any] = {
        "event_id": 1,
        "name": "Big event",
        **_FIGURES,
        "sales_per_minute": 0.05,
        "first_sale_at": "2027-06-01T10:01:00.350Z",
        "sold_out_at": None,
    }


class TicketTypeStatistics(_Figures, frozen=True, kw_only=True):
    """Figures of all tickets of one name in one currency, over all events. Each figure is as of an event."""

    ticket_type: str

    EXAMPLE: ClassVar[Any] = {"ticket_type": "VIP", **_FIGURES}
