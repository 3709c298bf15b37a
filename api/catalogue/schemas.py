"""Answers about the catalogue: events, tickets, venues, seats."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.http.types import Currency, LocalTime, Money, Number, Timestamp, Weekday
from engine.words import EventStatus


class EventHead(msgspec.Struct, gc=False, frozen=True):
    """The event; name and start are null if the catalogue no longer has it."""

    id: int
    name: str | None
    starts_at: Timestamp | None

    EXAMPLE: ClassVar[Any] = {"id": 1, "name": "Big event", "starts_at": "2027-06-01T18:00:00Z"}


class Ticket(msgspec.Struct, gc=False, frozen=True):
    """A ticket with its counts; `held` includes places being paid.

    Its sale times count beside those of its event. A hidden one is shown to its managers alone, and cannot be bought.
    `min_quantity`: the least that is sold of it at once. Of a timed ticket the counts are those of an empty slot: each
    slot has its own, which the event's `slots` tell.
    """

    id: int
    event: EventHead
    ticket_type: str
    price: Money
    seating: Literal["general", "assigned", "timed"]
    capacity: Number
    available: Number
    held: Number
    sold: Number
    kept: Number
    sold_out: bool
    paused: bool
    hidden: bool
    sale_opens_at: Timestamp | None
    sale_closes_at: Timestamp | None
    min_quantity: Number

    EXAMPLE: ClassVar[Any] = {
        "id": 1,
        "event": EventHead.EXAMPLE,
        "ticket_type": "VIP",
        "price": Money.EXAMPLE,
        "seating": "general",
        "capacity": 300,
        "available": 298,
        "held": 2,
        "sold": 0,
        "kept": 0,
        "sold_out": False,
        "paused": False,
        "hidden": False,
        "sale_opens_at": None,
        "sale_closes_at": None,
        "min_quantity": 1,
    }


class Schedule(msgspec.Struct, frozen=True):
    """The slots of a timed event: its local times, and the places of each.

    `weekdays`, 1 (Monday) to 7, where there are none on the others; `except` are dates and single slots without any.
    """

    times: list[LocalTime]
    capacity: Number
    weekdays: list[Weekday] | UnsetType = UNSET
    closed: list[str] | UnsetType = msgspec.field(default=UNSET, name="except")


class WaitingRoom(msgspec.Struct, frozen=True):
    """The waiting room of an event. Null for `max_inside` and `per_minute`: as stock and response times allow."""

    opens_at: Timestamp
    pass_seconds: Number
    places_per_pass: Number
    max_inside: Number | None
    per_minute: Number | None


class WaitingList(msgspec.Struct, frozen=True):
    """The waiting list of an event. `ends_at` null: it ends when the sale closes."""

    offer_seconds: Number
    ends_at: Timestamp | None
    fill_gaps: bool


class Event(msgspec.Struct, frozen=True):
    """An event with its tickets. `ticket_types` says which types can be bought now; a timed one has a schedule."""

    id: int
    name: str
    starts_at: Timestamp
    timezone: str
    venue_id: int | None
    status: EventStatus
    sale_opens_at: Timestamp | None
    sale_closes_at: Timestamp | None
    hold_seconds: int
    max_per_customer: int
    currency: Currency
    description: str | None
    image_url: str | None
    ticket_types: dict[str, bool]
    tickets: list[Ticket]
    schedule: Schedule | UnsetType = UNSET
    waiting_room: WaitingRoom | UnsetType = UNSET
    doors_open_at: Timestamp | UnsetType = UNSET
    waiting_list: WaitingList | UnsetType = UNSET

    EXAMPLE: ClassVar[Any] = {
        **EventHead.EXAMPLE,
        "timezone": "Europe/Warsaw",
        "venue_id": None,
        "status": "on_sale",
        "sale_opens_at": None,
        "sale_closes_at": None,
        "hold_seconds": 900,
        "max_per_customer": 10,
        "currency": "EUR",
        "description": None,
        "image_url": None,
        "ticket_types": {"VIP": True},
        "tickets": [Ticket.EXAMPLE],
    }


class TicketAvailability(msgspec.Struct, gc=False, frozen=True):
    """The price and the counts of a ticket; `held` has the paying ones, `kept` those refunded without restock."""

    ticket_id: int
    price: Money
    capacity: Number
    available: Number
    held: Number
    sold: Number
    kept: Number


class Availability(msgspec.Struct, frozen=True):
    """The counts of an event's tickets at one instant. `version` grows with each change of the event or its tickets.

    Of a timed ticket they are those of an empty slot; the event's `slots` have the counts of each.
    """

    event_id: int
    as_of: Timestamp
    status: EventStatus
    version: Number
    next_return_at: Timestamp | None
    tickets: list[TicketAvailability]

    EXAMPLE: ClassVar[Any] = {
        "event_id": 1,
        "as_of": "2027-06-01T10:00:00.120Z",
        "status": "on_sale",
        "version": 12,
        "next_return_at": None,
        "tickets": [
            {
                "ticket_id": 1,
                "price": Money.EXAMPLE,
                "capacity": 300,
                "available": 298,
                "held": 2,
                "sold": 0,
                "kept": 0,
            }
        ],
    }


class SectionSize(msgspec.Struct, gc=False, frozen=True):
    """A section of a venue."""

    id: int
    name: str
    capacity: Number


class Venue(msgspec.Struct, frozen=True):
    """A venue with its sections."""

    id: int
    name: str
    capacity: Number
    sections: list[SectionSize]

    EXAMPLE: ClassVar[Any] = {
        "id": 1,
        "name": "Hall",
        "capacity": 40,
        "sections": [{"id": 1, "name": "Stalls", "capacity": 40}],
    }


class SeatFacts(msgspec.Struct, gc=False, frozen=True, kw_only=True):
    """The known facts of a seat: its flags, where it stands on a plan, and its id there."""

    accessible: bool | UnsetType = UNSET
    companion: bool | UnsetType = UNSET
    restricted_view: bool | UnsetType = UNSET
    x: float | UnsetType = UNSET
    y: float | UnsetType = UNSET
    external_id: str | UnsetType = UNSET


class NumberedSeat(SeatFacts, gc=False, frozen=True):
    """A seat of a row; `label` is what stands on it."""

    id: int
    number: int
    label: str


class Row(msgspec.Struct, frozen=True):
    """A row of a section, with its seats."""

    name: str
    seats: list[NumberedSeat]


class Section(msgspec.Struct, frozen=True):
    """A section of a venue, with its rows, the best first; or with a capacity and no rows, for general admission."""

    id: int
    name: str
    rows: list[Row]
    capacity: Number | UnsetType = UNSET

    EXAMPLE: ClassVar[Any] = {
        "id": 1,
        "name": "Stalls",
        "rows": [{"name": "A", "seats": [{"id": 101, "number": 1, "label": "1"}]}],
    }


class SectionOnSale(msgspec.Struct, gc=False, frozen=True):
    """A section that an event offers: its counts, and the lowest and the highest of its prices.

    `held` includes places being paid.
    """

    section_id: int
    name: str
    seating: Literal["general", "assigned"]
    capacity: Number
    available: Number
    held: Number
    sold: Number
    price_from: Money
    price_to: Money

    EXAMPLE: ClassVar[Any] = {
        "section_id": 1,
        "name": "Stalls",
        "seating": "assigned",
        "capacity": 40,
        "available": 38,
        "held": 2,
        "sold": 0,
        "price_from": {"amount": 15_000, "currency": "EUR"},
        "price_to": Money.EXAMPLE,
    }


class SeatState(msgspec.Struct, gc=False, frozen=True):
    """The state of a seat: 0 available, 1 held, 2 sold, 3 blocked."""

    id: Literal[0, 1, 2, 3]
    name: Literal["available", "held", "sold", "blocked"]


class SeatPrice(msgspec.Struct, gc=False, frozen=True):
    """A ticket that sells a seat."""

    ticket_id: int
    name: str
    price: Money


class SeatOnSale(SeatFacts, frozen=True):
    """A seat of an event; `label` is what stands on it."""

    seat_id: int
    row: str
    number: int
    label: str
    status: SeatState
    prices: list[SeatPrice]

    EXAMPLE: ClassVar[Any] = {
        "seat_id": 101,
        "row": "A",
        "number": 1,
        "label": "1",
        "status": {"id": 0, "name": "available"},
        "prices": [{"ticket_id": 5, "name": "Adult", "price": Money.EXAMPLE}],
    }


class RowText(msgspec.Struct, gc=False, frozen=True):
    """A row, one character per seat: `a`vailable, `h`eld, `s`old or `b`locked."""

    name: str
    first_seat_id: int
    seats: Annotated[str, Meta(pattern="^[ahsb]*$")]


class CompactSeats(msgspec.Struct, frozen=True):
    """All seats of a section, in few bytes."""

    section_id: int
    as_of: Timestamp
    rows: list[RowText]

    EXAMPLE: ClassVar[Any] = {
        "section_id": 1,
        "as_of": "2027-06-01T10:00:00.120Z",
        "rows": [{"name": "A", "first_seat_id": 101, "seats": "aahsb"}],
    }


class Seat(msgspec.Struct, gc=False, frozen=True):
    """A seat that is taken; `label` is what stands on it."""

    seat_id: int
    section: str
    row: str
    number: int
    label: str
