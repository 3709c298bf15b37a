"""Bodies and answers about codes."""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.catalogue.bodies import PriceBody
from api.http.pagination import PageQuery
from api.http.requests import ALL_DIFFERENT, DatabaseId
from api.http.text import CustomerId, Text
from api.http.types import Instant, Money, Number, Timestamp
from engine.codes import CODE_BEGINNING, CODE_PATTERN
from engine.words import CodeKind

MOST_AT_ONCE = 100_000
"""The most codes that one request makes."""

SHOWN = 100
"""The number of codes that the answer shows."""

CodeText = Annotated[str, Meta(min_length=1, max_length=64, pattern=CODE_PATTERN)]
"""A code: letters, digits and what needs no encoding in an address. Capitals and small letters differ."""

Prefix = Annotated[str, Meta(max_length=40, pattern=CODE_BEGINNING)]
Codes = Annotated[list[CodeText], Meta(min_length=1, max_length=MOST_AT_ONCE), ALL_DIFFERENT]
TicketIds = Annotated[list[DatabaseId], Meta(min_length=1, max_length=100), ALL_DIFFERENT]
Uses = Annotated[int, Meta(ge=1, le=10_000_000)]
PlacesPerUse = Annotated[int, Meta(ge=1, le=2000)]
Percent = Annotated[int, Meta(ge=1, le=100)]
PlacesSetAside = Annotated[int, Meta(ge=1, le=10_000_000)]


class NewCodes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /v1/events/{event_id}/codes: `codes` by name, or a `count` of random ones behind a `prefix`.

    Null, or left out: no limit, all tickets, anybody. A discount has one of `percent`, `amount_off` and `price`, each
    per place, and may have a `budget` that all uses of a code share. An allocation has `places` of one ticket. An
    access code opens hidden tickets, and with `opens_at` the sale.
    """

    kind: CodeKind
    codes: Codes | UnsetType = UNSET
    count: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] | UnsetType = UNSET
    prefix: Prefix = ""
    ticket_ids: TicketIds | None = None
    max_uses: Uses | None = None
    max_places_per_use: PlacesPerUse | None = None
    valid_from: Instant | None = None
    valid_until: Instant | None = None
    customer_id: CustomerId | None = None
    tag: Text | None = None
    percent: Percent | None = None
    amount_off: PriceBody | None = None
    price: PriceBody | None = None
    budget: PriceBody | None = None
    places: PlacesSetAside | None = None
    opens_at: Instant | None = None

    EXAMPLE: ClassVar[Any] = {"codes": ["FAN27"], "kind": "discount", "percent": 20, "max_uses": 100, "tag": "fans"}


class CodePatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of PATCH /v1/events/{event_id}/codes/{code}: missing fields stay, null removes a limit.

    Its kind stays, and the ticket of an allocation. Of a discount another form takes the place of the one it had.
    Reservations that name the code keep their terms.
    """

    ticket_ids: TicketIds | UnsetType | None = UNSET
    max_uses: Uses | UnsetType | None = UNSET
    max_places_per_use: PlacesPerUse | UnsetType | None = UNSET
    valid_from: Instant | UnsetType | None = UNSET
    valid_until: Instant | UnsetType | None = UNSET
    customer_id: CustomerId | UnsetType | None = UNSET
    tag: Text | UnsetType | None = UNSET
    percent: Percent | UnsetType = UNSET
    amount_off: PriceBody | UnsetType = UNSET
    price: PriceBody | UnsetType = UNSET
    budget: PriceBody | UnsetType | None = UNSET
    places: PlacesSetAside | UnsetType = UNSET
    opens_at: Instant | UnsetType | None = UNSET

    EXAMPLE: ClassVar[Any] = {"max_uses": 200}


class CodesQuery(PageQuery, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Query of GET /v1/events/{event_id}/codes."""

    tag: Text | None = None
    kind: CodeKind | None = None


class CsvQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query of GET /v1/events/{event_id}/codes.csv."""

    tag: Text | None = None


class OfferQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Query about what a code opens. A customer's token says the id; every other caller may give it."""

    customer_id: CustomerId | None = None


class CreatedCodes(msgspec.Struct, frozen=True):
    """The number of codes that were made, and the first hundred of them."""

    created: Number
    codes: list[str]

    EXAMPLE: ClassVar[Any] = {"created": 1000, "codes": ["FAN-7Q4KX2M9TD"]}


class CodeView(msgspec.Struct, frozen=True):
    """A code, and what is used of it: held, paying and paid reservations that name it, and their places under it.

    `saved`: by how much those are cheaper together. `places_left`: of an allocation, the places that are set aside and
    not taken.
    """

    code: str
    kind: CodeKind
    ticket_ids: list[int] | None
    max_uses: Number | None
    max_places_per_use: Number | None
    valid_from: Timestamp | None
    valid_until: Timestamp | None
    customer_id: str | None
    tag: str | None
    created_at: Timestamp
    uses: Number
    places_held: Number
    places_sold: Number
    percent: Number | UnsetType = UNSET
    amount_off: Money | UnsetType = UNSET
    price: Money | UnsetType = UNSET
    budget: Money | UnsetType | None = UNSET
    saved: Money | UnsetType = UNSET
    places: Number | UnsetType = UNSET
    places_left: Number | UnsetType = UNSET
    opens_at: Timestamp | UnsetType | None = UNSET

    EXAMPLE: ClassVar[Any] = {
        "code": "FAN27",
        "kind": "discount",
        "ticket_ids": None,
        "max_uses": 100,
        "max_places_per_use": None,
        "valid_from": None,
        "valid_until": None,
        "customer_id": None,
        "tag": "fans",
        "created_at": "2027-05-01T10:00:00Z",
        "uses": 3,
        "places_held": 2,
        "places_sold": 4,
        "percent": 20,
        "budget": None,
        "saved": {"amount": 36_000, "currency": "EUR"},
    }


class OfferedTicketView(msgspec.Struct, frozen=True):
    """A ticket under a code. `available`: places that can be had with it; null where that depends on the time."""

    id: int
    ticket_type: str
    price: Money
    regular_price: Money
    available: Number | None


class CodeOffer(msgspec.Struct, frozen=True):
    """The tickets that a code opens to the customer. `opens_at` is null once the sale is open for it."""

    event_id: int
    code: str
    kind: CodeKind
    opens_at: Timestamp | None
    valid_until: Timestamp | None
    max_places_per_use: Number | None
    tickets: list[OfferedTicketView]

    EXAMPLE: ClassVar[Any] = {
        "event_id": 1,
        "code": "FAN27",
        "kind": "discount",
        "opens_at": None,
        "valid_until": None,
        "max_places_per_use": None,
        "tickets": [
            {
                "id": 7,
                "ticket_type": "VIP",
                "price": {"amount": 24_000, "currency": "EUR"},
                "regular_price": Money.EXAMPLE,
                "available": 298,
            }
        ],
    }
