"""What the API answers, as types: responses are made of these, and so is the OpenAPI document."""

from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from engine.words import AttemptState, EventStatus, State
from sync.webhooks.endpoints import DeliveryStatus
from sync.webhooks.messages import WebhookEvent

T = TypeVar("T")

Timestamp = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""RFC 3339, in UTC."""

Number = Annotated[int, Meta(ge=0)]
"""How many, or how much in minor units."""

Currency = Literal["EUR"]


LocalDate = Annotated[str, Meta(extra_json_schema={"format": "date"})]
"""A day in the time zone of the event."""

LocalTime = Annotated[str, Meta(pattern=r"^\d\d:\d\d(:\d\d)?$")]
"""A time of day in the time zone of the event; with seconds only where there are any."""


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A part of a list; `next_cursor` is null on the last one."""

    items: list[T]
    next_cursor: str | None


class Money(msgspec.Struct, gc=False, frozen=True):
    """An amount in minor units, with its currency."""

    amount: Number
    currency: Currency


class EventHead(msgspec.Struct, gc=False, frozen=True):
    """Which event; its name and start are null where the catalogue does not have it any more."""

    id: int
    name: str | None
    starts_at: Timestamp | None


class Ticket(msgspec.Struct, gc=False, frozen=True):
    """A ticket with its counts; `held` has the paying ones too."""

    id: int
    event: EventHead
    ticket_type: str
    price: Money
    seating: Literal["general", "assigned", "timed"]
    capacity: Number
    available: Number
    held: Number
    sold: Number
    sold_out: bool


class Schedule(msgspec.Struct, frozen=True):
    """The slots of a timed event: each day at these times, local to it, with so many places each."""

    times: list[LocalTime]
    capacity: Number


class Event(msgspec.Struct, frozen=True):
    """An event with its tickets. `ticket_types` says which types have anything left; a timed one has a schedule."""

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
    ticket_types: dict[str, bool]
    tickets: list[Ticket]
    schedule: Schedule | UnsetType = UNSET


class TicketAvailability(msgspec.Struct, gc=False, frozen=True):
    """The counts of a ticket; `held` has the paying ones too."""

    ticket_id: int
    capacity: Number
    available: Number
    held: Number
    sold: Number


class Availability(msgspec.Struct, frozen=True):
    """The counts of an event's tickets at one instant."""

    event_id: int
    as_of: Timestamp
    tickets: list[TicketAvailability]


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


class NumberedSeat(msgspec.Struct, gc=False, frozen=True):
    """A seat of a row."""

    id: int
    number: int


class Row(msgspec.Struct, frozen=True):
    """A row of a section, with its seats."""

    name: str
    seats: list[NumberedSeat]


class Section(msgspec.Struct, frozen=True):
    """A section of a venue, with its rows; the best first."""

    id: int
    name: str
    rows: list[Row]


class SeatState(msgspec.Struct, gc=False, frozen=True):
    """What a seat is: 0 available, 1 held, 2 sold, 3 blocked."""

    id: Literal[0, 1, 2, 3]
    name: Literal["available", "held", "sold", "blocked"]


class SeatPrice(msgspec.Struct, gc=False, frozen=True):
    """A ticket with which a seat can be had."""

    ticket_id: int
    name: str
    price: Money


class SeatOnSale(msgspec.Struct, frozen=True):
    """A seat of an event."""

    seat_id: int
    row: str
    number: int
    status: SeatState
    prices: list[SeatPrice]


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


class Seat(msgspec.Struct, gc=False, frozen=True):
    """A seat that somebody has."""

    seat_id: int
    section: str
    row: str
    number: int


class Customer(msgspec.Struct, gc=False, frozen=True):
    """Who reserved."""

    id: str
    first_name: str | None
    last_name: str | None


class ReservedItem(msgspec.Struct, gc=False, frozen=True):
    """Places of one ticket, at the price of the moment they were held; of a timed one in a slot, by its local start."""

    ticket_id: int
    ticket_type: str | None
    quantity: Number
    seats: list[Seat]
    unit_price: Money
    slot: str | UnsetType = UNSET


class ReservationPayment(msgspec.Struct, gc=False, frozen=True):
    """The payment of a reservation."""

    id: str
    status: AttemptState
    amount: Number
    currency: Currency
    created_at: Timestamp
    completed_at: Timestamp | None


class Reservation(msgspec.Struct, gc=False, frozen=True):
    """A reservation. A deadline is told while it runs, or has run out; a paying or paid one has none."""

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


class CartItem(msgspec.Struct, gc=False, frozen=True):
    """A seat in a cart, or places that are all alike; then `seat` is null."""

    event: EventHead
    ticket_id: int
    ticket_type: str | None
    seat: Seat | None
    quantity: Number
    unit_price: Money


class Cart(msgspec.Struct, frozen=True):
    """A cart. Once it is booked it has a payment instead of a deadline."""

    id: str
    status: Literal["open", "booked", "completed", "failed"]
    items: list[CartItem]
    total: Money
    expires_at: Timestamp | None
    payment_id: str | None


class BookedCart(msgspec.Struct, frozen=True):
    """The payment that a booked cart waits for."""

    payment_id: str


class Payment(msgspec.Struct, frozen=True):
    """A payment as the gateway sees it, with the reservations that it is for."""

    id: str
    status: Literal["pending", "completed", "failed"]
    amount: Number
    currency: Currency
    reservations: list[str]


class Slot(msgspec.Struct, gc=False, frozen=True):
    """A slot with its counts; `held` has the paying ones too, `sold` the places that are booked."""

    date: LocalDate
    time: LocalTime
    starts_at: Timestamp
    capacity: Number
    available: Number
    held: Number
    sold: Number


class Booking(msgspec.Struct, gc=False, frozen=True):
    """A place in a slot, taken free of charge."""

    id: str
    event_id: int
    first_name: str
    last_name: str
    phone_number: str
    date: LocalDate
    time: LocalTime
    starts_at: Timestamp
    status: Literal["booked", "expired"]
    expired: bool
    created_at: Timestamp


class _Figures(msgspec.Struct, frozen=True, kw_only=True):
    reserved: Number
    held: Number
    sold: Number
    cancelled: Number
    expired: Number
    refunded: Number
    revenue: Money
    conversion: Annotated[float, Meta(ge=0, le=1)] | None


class EventStatistics(_Figures, frozen=True, kw_only=True):
    """Figures of an event, in places. `conversion` is paid reservations ÷ all that ended."""

    event_id: int
    name: str
    sales_per_minute: Annotated[float, Meta(ge=0)]
    first_sale_at: Timestamp | None
    sold_out_at: Timestamp | None


class TicketTypeStatistics(_Figures, frozen=True, kw_only=True):
    """Figures of all tickets of one name, over all events."""

    ticket_type: str


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """An endpoint of the shop's own. `gone_at` is when it answered 410, which disabled it."""

    id: int
    url: str
    events: list[WebhookEvent]
    description: str
    enabled: bool
    gone_at: Timestamp | None
    created_at: Timestamp


class NewWebhook(Webhook, frozen=True, kw_only=True):
    """An endpoint with its secret, which is shown this once."""

    secret: str


class WebhookDelivery(msgspec.Struct, frozen=True):
    """A message for an endpoint, and how it stands. `message_id` is its webhook-id, `subject` mostly a reservation."""

    id: int
    message_id: str
    type: str
    subject: str
    status: DeliveryStatus
    attempts: Number
    created_at: Timestamp
    next_attempt_at: Timestamp | None
    ended_at: Timestamp | None
    response_status: int | None
    error: str | None


class Health(msgspec.Struct, frozen=True):
    """The process lives."""

    status: Literal["ok"]


class Readiness(msgspec.Struct, frozen=True):
    """It can sell; with Postgres away the catalogue cannot be edited."""

    status: Literal["ready"]
    redis: Literal["ok"]
    postgres: Literal["ok", "away"]
