"""Answers about e-tickets and check-ins."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import Meta

from api.catalogue.schemas import Seat
from api.http.types import Number, Timestamp
from engine.etickets import MOST_NUMBERS
from engine.ids import MAX_EVENT_ID
from engine.words import Direction, EticketState, ScanResult

MAX_SERIAL = (MAX_EVENT_ID + 1) * MOST_NUMBERS - 1
Serial = Annotated[int, Meta(ge=MOST_NUMBERS, le=MAX_SERIAL)]
"""The number of an e-ticket, of which there is no second one in the shop."""

CODE = "EXAMPLE OF A CODE"


class HolderNames(msgspec.Struct, frozen=True):
    """The person whom an e-ticket admits."""

    first_name: str | None
    last_name: str | None

    EXAMPLE: ClassVar[Any] = {"first_name": "Islom", "last_name": "Karimov"}


class EticketView(msgspec.Struct, frozen=True):
    """The e-ticket of one place. `slot`: of a timed ticket, its local date and time."""

    serial: Serial
    code: str
    ticket_id: int
    ticket_type: str | None
    seat: Seat | None
    slot: str | None
    holder: HolderNames
    status: EticketState

    EXAMPLE: ClassVar[Any] = {
        "serial": 4_194_304,
        "code": CODE,
        "ticket_id": 1,
        "ticket_type": "VIP",
        "seat": None,
        "slot": None,
        "holder": HolderNames.EXAMPLE,
        "status": "valid",
    }


class EticketList(msgspec.Struct, frozen=True):
    """The e-tickets of a reservation, in the order in which they were made; none before it is paid."""

    items: list[EticketView]


class Jwk(msgspec.Struct, frozen=True):
    """A public key (RFC 8037)."""

    kid: str
    x: str
    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    alg: Literal["EdDSA"] = "EdDSA"
    use: Literal["sig"] = "sig"


class JwkSet(msgspec.Struct, frozen=True):
    """A JSON Web Key Set (RFC 7517), the newest key first."""

    keys: list[Jwk]


class DoubledEntry(msgspec.Struct, frozen=True):
    """The other entry with the same e-ticket: which gate let somebody in, and when."""

    gate: str
    at: Timestamp


class CheckInAnswer(msgspec.Struct, frozen=True):
    """The answer to a scan. `eticket` is null for a code that is none of the event.

    `conflict`: an offline gate let somebody in with it too, and nobody went out between.
    """

    result: ScanResult
    eticket: EticketView | None
    first_in_at: Timestamp | None
    conflict: DoubledEntry | None

    EXAMPLE: ClassVar[Any] = {
        "result": "admitted",
        "eticket": EticketView.EXAMPLE | {"status": "in"},
        "first_in_at": "2027-06-01T17:12:00Z",
        "conflict": None,
    }


class CheckInAnswers(msgspec.Struct, frozen=True):
    """The answers to an upload, in its order."""

    items: list[CheckInAnswer]


class CheckInEntry(msgspec.Struct, frozen=True):
    """A scan as it was recorded. `serial` is null for a code that is none of the event."""

    serial: Serial | None
    ticket_id: int | None
    ticket_type: str | None
    holder: HolderNames | None
    gate: str
    direction: Direction
    result: ScanResult
    offline: bool
    scanned_at: Timestamp
    recorded_at: Timestamp
    conflict: DoubledEntry | None


class SnapshotTicket(msgspec.Struct, frozen=True):
    """A ticket type, for the screens of gates."""

    ticket_id: int
    ticket_type: str


class DoorsSnapshot(msgspec.Struct, frozen=True):
    """Everything a gate needs offline. `version` is for the next `since`. Of a cancelled event no e-ticket admits.

    Each of `etickets` is serial, issue, status (0 valid, 1 in, 2 out, 3 void), ticket id, seat and slot. The last two
    may be null. There are no names in it.
    """

    event_id: int
    name: str
    as_of: Timestamp
    version: Number
    cancelled: bool
    doors_open_at: Timestamp | None
    early_seconds: Number
    late_seconds: Number
    timezone: str
    slots: dict[str, Timestamp]
    keys: list[Jwk]
    tickets: list[SnapshotTicket]
    etickets: list[tuple[int, int, int, int, str | None, str | None]]
