"""Facts of the outbox, in the order in which they happened."""

import msgspec

from engine.records import Booking, Eticket, Record, WaitingEntry
from engine.words import (
    BookingFactWord,
    Direction,
    EticketFactWord,
    FactWord,
    QueueFactWord,
    ScanResult,
    WaitingFactWord,
)


class Fact(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Something that happened to a reservation at `at_ms`, and the whole record as it was right after.

    A later fact of a reservation needs no earlier one to be understood.
    """

    word: FactWord
    reservation_id: str
    at_ms: int
    record: Record


class BookingFact(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Something that happened to a booking at `at_ms`, and the whole booking as it was right after."""

    word: BookingFactWord
    at_ms: int
    booking: Booking


class WaitingFact(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Something that happened to an entry of a waiting list at `at_ms`, and the whole entry as it was right after."""

    word: WaitingFactWord
    at_ms: int
    entry: WaitingEntry


class QueueFact(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Something that happened in the waiting room of an event at `at_ms`.

    `customer_id` and `index` are of who joined, entered or left. `text` is the secret of a room that was opened, or the
    digest of one whose order was drawn, whose `index` is the cohort.
    """

    word: QueueFactWord
    at_ms: int
    event_id: int
    customer_id: str
    index: int
    text: str


class EticketFact(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Something that happened to an e-ticket at `at_ms`, and the whole e-ticket as it was right after."""

    word: EticketFactWord
    at_ms: int
    event_id: int
    number: int
    eticket: Eticket


class Scan(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """A code that a gate has scanned, at `scanned_ms`, and reported at `at_ms`.

    `number` is -1 if it is of no e-ticket of the event.

    `other_gate` and `other_ms`: the entry that this one doubles, if it does.
    """

    event_id: int
    gate: str
    nonce: str
    number: int
    issue: int
    direction: Direction
    result: ScanResult
    offline: bool
    scanned_ms: int
    at_ms: int
    other_gate: str
    other_ms: int


class Act(msgspec.Struct, gc=False, array_like=True, frozen=True, forbid_unknown_fields=True):
    """Facts of one entry that a command made on behalf of a caller: how many, from which on, counted from 0."""

    first_fact: int
    facts: int
    first_booking_fact: int
    booking_facts: int
    actor: str
    first_waiting_fact: int = 0
    waiting_facts: int = 0
    first_eticket_fact: int = 0
    eticket_facts: int = 0
    first_queue_fact: int = 0
    queue_facts: int = 0


_ACTS_DECODER = msgspec.msgpack.Decoder(list[Act])
_DECODER = msgspec.msgpack.Decoder(list[Fact])
_BOOKINGS_DECODER = msgspec.msgpack.Decoder(list[BookingFact])
_WAITING_DECODER = msgspec.msgpack.Decoder(list[WaitingFact])
_QUEUES_DECODER = msgspec.msgpack.Decoder(list[QueueFact])
_ETICKETS_DECODER = msgspec.msgpack.Decoder(list[EticketFact])
_SCANS_DECODER = msgspec.msgpack.Decoder(list[Scan])
_LOOSE_DECODER = msgspec.msgpack.Decoder(list[msgspec.Raw])


def decode_facts(payload: bytes) -> list[Fact]:
    """The facts of an outbox entry. Raises ValueError for what is none."""
    return _DECODER.decode(payload)


def decode_booking_facts(payload: bytes) -> list[BookingFact]:
    """The facts about bookings of an outbox entry. Raises ValueError for what is none."""
    return _BOOKINGS_DECODER.decode(payload)


def decode_waiting_facts(payload: bytes) -> list[WaitingFact]:
    """The facts about waiting lists of an outbox entry. Raises ValueError for what is none."""
    return _WAITING_DECODER.decode(payload)


def decode_queue_facts(payload: bytes) -> list[QueueFact]:
    """The facts about waiting rooms of an outbox entry. Raises ValueError for what is none."""
    return _QUEUES_DECODER.decode(payload)


def decode_eticket_facts(payload: bytes) -> list[EticketFact]:
    """The facts about e-tickets of an outbox entry. Raises ValueError for what is none."""
    return _ETICKETS_DECODER.decode(payload)


def decode_scans(payload: bytes) -> list[Scan]:
    """The scans of an outbox entry. Raises ValueError for what is none."""
    return _SCANS_DECODER.decode(payload)


def decode_acts(payload: bytes) -> list[Act]:
    """On whose behalf facts of an outbox entry were made. Raises ValueError for what is none."""
    return _ACTS_DECODER.decode(payload)


def split_facts(payload: bytes) -> list[bytes]:
    """The packed facts of an entry, one by one, where decode_facts refused the whole."""
    return [bytes(raw) for raw in _LOOSE_DECODER.decode(payload)]


def decode_fact(payload: bytes) -> Fact:
    """One packed fact. Raises ValueError."""
    return msgspec.msgpack.decode(payload, type=Fact)


def decode_booking_fact(payload: bytes) -> BookingFact:
    """One packed fact about a booking. Raises ValueError."""
    return msgspec.msgpack.decode(payload, type=BookingFact)


def decode_waiting_fact(payload: bytes) -> WaitingFact:
    """One packed fact about a waiting list. Raises ValueError."""
    return msgspec.msgpack.decode(payload, type=WaitingFact)


def decode_queue_fact(payload: bytes) -> QueueFact:
    """One packed fact about a waiting room. Raises ValueError."""
    return msgspec.msgpack.decode(payload, type=QueueFact)


def decode_eticket_fact(payload: bytes) -> EticketFact:
    """One packed fact about an e-ticket. Raises ValueError."""
    return msgspec.msgpack.decode(payload, type=EticketFact)


def decode_scan(payload: bytes) -> Scan:
    """One packed scan. Raises ValueError."""
    return msgspec.msgpack.decode(payload, type=Scan)
