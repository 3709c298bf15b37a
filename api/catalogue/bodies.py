"""Bodies of requests that manage events and tickets."""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.catalogue.schedule_bodies import ScheduleBody, SchedulePatch
from api.http.requests import ALL_DIFFERENT, CurrencyText, DatabaseId
from api.http.text import LongText, Text, WebAddress
from api.http.types import Instant, Money
from engine.currencies import FIRST_CURRENCY
from engine.words import EventStatus

Price = Annotated[int, Meta(ge=0, le=100_000_000_000)]
"""A price in minor units, at most a billion rupiah or rials.

Clients in JavaScript and numbers of Lua are exact up to 2^53, which is 90,000 places at that price. Postgres has
`bigint`. The largest reservation, of 2000 places, costs less than the 10^15 that bodies accept as a total. Lua compares
lines by a text with 14 digits of the price (lua/33_changes.lua), so a price must not have more.
"""

Capacity = Annotated[int, Meta(ge=0, le=10_000_000)]
HoldSeconds = Annotated[int, Meta(ge=1, le=86_400)]
SectionIds = Annotated[list[DatabaseId], Meta(min_length=1, max_length=200), ALL_DIFFERENT]
LeastQuantity = Annotated[int, Meta(ge=1, le=100)]
PassSeconds = Annotated[int, Meta(ge=1, le=86_400)]
OfferSeconds = Annotated[int, Meta(ge=1, le=604_800)]
InsideLimit = Annotated[int, Meta(ge=1, le=10_000_000)]
PerMinute = Annotated[int, Meta(ge=1, le=1_000_000)]
PlacesPerCustomer = Annotated[int, Meta(ge=1, le=10_000_000)]


class PriceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in minor units, with its currency."""

    amount: Price
    currency: CurrencyText


class WaitingRoomBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The waiting room of an event. Customers may join from `opens_at`; the order is drawn when the sale opens.

    A pass lasts `pass_seconds` and buys at most `places_per_pass`. Null for `max_inside` and `per_minute`: as many, and
    as fast, as stock and response times allow.
    """

    opens_at: Instant
    pass_seconds: PassSeconds = 600
    places_per_pass: PlacesPerCustomer = 4
    max_inside: InsideLimit | None = None
    per_minute: PerMinute | None = None


class WaitingListBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The waiting list of an event. A customer who is offered places has `offer_seconds` to pay for them.

    At `ends_at` what is left goes on sale; null: when the sale closes. `fill_gaps`: a customer who waits for more
    places than return is passed over.
    """

    offer_seconds: OfferSeconds = 3600
    ends_at: Instant | None = None
    fill_gaps: bool = False


class TicketBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A ticket to offer: a capacity, or sections of the event's venue. Of a timed event: neither.

    It offers the seats of its sections; or the places of one section without seats, whose tickets share its capacity.
    """

    ticket_type: Text
    price: PriceBody
    capacity: Capacity | UnsetType = UNSET
    section_ids: SectionIds | UnsetType = UNSET
    paused: bool = False
    hidden: bool = False
    sale_opens_at: Instant | None = None
    sale_closes_at: Instant | None = None
    min_quantity: LeastQuantity = 1

    EXAMPLE: ClassVar[Any] = {"ticket_type": "VIP", "price": Money.EXAMPLE, "capacity": 300}


class EventBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/events. With a schedule, which stays as it is, it is timed."""

    name: Text
    starts_at: Instant
    timezone: Text = "UTC"
    venue_id: DatabaseId | None = None
    status: EventStatus = EventStatus.DRAFT
    sale_opens_at: Instant | None = None
    sale_closes_at: Instant | None = None
    hold_seconds: HoldSeconds = 900
    max_per_customer: PlacesPerCustomer = 10
    currency: CurrencyText = FIRST_CURRENCY
    description: LongText | None = None
    image_url: WebAddress | None = None
    tickets: Annotated[list[TicketBody], Meta(max_length=100)] = []
    schedule: ScheduleBody | UnsetType = UNSET
    waiting_room: WaitingRoomBody | None = None
    doors_open_at: Instant | None = None
    waiting_list: WaitingListBody | None = None

    EXAMPLE: ClassVar[Any] = {
        "name": "Big event",
        "starts_at": "2027-06-01T18:00:00Z",
        "timezone": "Europe/Warsaw",
        "status": "on_sale",
        "max_per_customer": 10,
        "hold_seconds": 900,
        "tickets": [{"ticket_type": "VIP", "price": Money.EXAMPLE, "capacity": 300}],
    }


class EventPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/events/{event_id}: missing fields stay.

    Null removes a window, a text, the waiting room, or the waiting list. Another currency keeps the amounts of prices:
    change them, too.
    """

    name: Text | UnsetType = UNSET
    starts_at: Instant | UnsetType = UNSET
    timezone: Text | UnsetType = UNSET
    venue_id: DatabaseId | UnsetType | None = UNSET
    status: EventStatus | UnsetType = UNSET
    sale_opens_at: Instant | UnsetType | None = UNSET
    sale_closes_at: Instant | UnsetType | None = UNSET
    hold_seconds: HoldSeconds | UnsetType = UNSET
    max_per_customer: PlacesPerCustomer | UnsetType = UNSET
    currency: CurrencyText | UnsetType = UNSET
    description: LongText | UnsetType | None = UNSET
    image_url: WebAddress | UnsetType | None = UNSET
    schedule: SchedulePatch | UnsetType = UNSET
    waiting_room: WaitingRoomBody | UnsetType | None = UNSET
    doors_open_at: Instant | UnsetType | None = UNSET
    waiting_list: WaitingListBody | UnsetType | None = UNSET

    EXAMPLE: ClassVar[Any] = {"max_per_customer": 8}


class TicketPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/tickets/{ticket_id}: missing fields stay; null removes a window.

    Held places keep their price.
    """

    ticket_type: Text | UnsetType = UNSET
    price: PriceBody | UnsetType = UNSET
    capacity: Capacity | UnsetType = UNSET
    paused: bool | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    sale_opens_at: Instant | UnsetType | None = UNSET
    sale_closes_at: Instant | UnsetType | None = UNSET
    min_quantity: LeastQuantity | UnsetType = UNSET

    EXAMPLE: ClassVar[Any] = {"capacity": 400}
