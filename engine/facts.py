"""What the outbox tells: facts, in the order in which they happened."""

import msgspec

from engine.records import Booking, Record
from engine.words import BookingFactWord, FactWord


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


_DECODER = msgspec.msgpack.Decoder(list[Fact])
_BOOKINGS_DECODER = msgspec.msgpack.Decoder(list[BookingFact])
_LOOSE_DECODER = msgspec.msgpack.Decoder(list[msgspec.Raw])


def decode_facts(payload: bytes) -> list[Fact]:
    """The facts of an outbox entry. Raises ValueError for what is none."""
    return _DECODER.decode(payload)


def decode_booking_facts(payload: bytes) -> list[BookingFact]:
    """The facts about bookings of an outbox entry. Raises ValueError for what is none."""
    return _BOOKINGS_DECODER.decode(payload)


def split_facts(payload: bytes) -> list[bytes]:
    """The packed facts of an entry, one by one, where decode_facts refused the whole."""
    return [bytes(raw) for raw in _LOOSE_DECODER.decode(payload)]


def decode_fact(payload: bytes) -> Fact:
    """One packed fact. Raises ValueError."""
    return msgspec.msgpack.decode(payload, type=Fact)


def decode_booking_fact(payload: bytes) -> BookingFact:
    """One packed fact about a booking. Raises ValueError."""
    return msgspec.msgpack.decode(payload, type=BookingFact)
