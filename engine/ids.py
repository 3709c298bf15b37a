"""Ids that name their event, so that any process finds the partition from the id alone."""

import hashlib
import os
import re
from base64 import urlsafe_b64encode
from uuid import UUID, uuid4

MAX_EVENT_ID = 2**31 - 1
"""The largest event id: Postgres' `integer`, and far below the 14 digits that Lua prints exactly."""

_RANDOM_BYTES = 12
_ID_CHARACTERS = 16
"""The random bytes make this many characters of base64, so that many ids can be cut from one text."""
_IDS_AT_ONCE = 256
_SECRET_BYTES = 32
_PATTERN = re.compile(r"([1-9][0-9]{0,9})-[A-Za-z0-9_-]{16}", re.ASCII)
_ATTEMPT = re.compile(rf"pay-({_PATTERN.pattern})-[A-Za-z0-9_-]{{16}}", re.ASCII)
_REFUND = re.compile(rf"(?:refund-|pay-)?({_PATTERN.pattern})(?:-[A-Za-z0-9_-]{{16}})?", re.ASCII)


def new_reservation_id(event_id: int) -> str:
    """An id that nobody can guess: 96 random bits."""
    return f"{event_id}-{_random()}"


class ReservationIds:
    """New reservation ids of one process, as new_reservation_id makes them.

    Random bytes are asked for many ids at once: asking the system costs more than all else about an id.
    """

    def __init__(self) -> None:
        self._random = ""
        self._used = 0

    def new(self, event_id: int) -> str:
        """An id that nobody can guess: 96 random bits."""
        if self._used == len(self._random):
            self._random, self._used = urlsafe_b64encode(os.urandom(_RANDOM_BYTES * _IDS_AT_ONCE)).decode(), 0
        begin, self._used = self._used, self._used + _ID_CHARACTERS
        return f"{event_id}-{self._random[begin : self._used]}"


def keyed_reservation_id(event_id: int, caller: str, key: str, secret: bytes) -> str:
    """The id that an Idempotency-Key names: the same caller, key and event give the same id, on every process.

    `secret`: of the event's partition (`Engine.id_secret`); without it nobody can work the id out.
    """
    return f"{event_id}-{_digest(_RANDOM_BYTES, caller, key, secret=secret)}"


def keyed_waiting_id(event_id: int, caller: str, key: str, secret: bytes) -> str:
    """The id of an entry of a waiting list that an Idempotency-Key names; a reservation with that key has another."""
    return f"{event_id}-{_digest(_RANDOM_BYTES, 'waiting', caller, key, secret=secret)}"


def new_attempt_id(reservation_id: str) -> str:
    """An id of an attempt to pay that reservation, which it names."""
    return f"pay-{reservation_id}-{_random()}"


def keyed_attempt_id(reservation_id: str, caller: str, key: str, secret: bytes) -> str:
    """The attempt id that an Idempotency-Key names for this reservation."""
    return f"pay-{reservation_id}-{_digest(_RANDOM_BYTES, reservation_id, caller, key, secret=secret)}"


def keyed_exchange_id(reservation_id: str, caller: str, key: str, secret: bytes) -> str:
    """The attempt id of the exchange that an Idempotency-Key names for this reservation."""
    return f"pay-{reservation_id}-{_digest(_RANDOM_BYTES, 'exchange', reservation_id, caller, key, secret=secret)}"


def reservation_of_attempt(attempt_id: str) -> str | None:
    """The reservation that an attempt's id names; None if it names none, as that of a cart's payment."""
    match = _ATTEMPT.fullmatch(attempt_id)
    return match[1] if match else None


def new_refund_id(reservation_id: str) -> str:
    """An id of a refund of some of what a reservation paid; the refund of all has the reservation's own."""
    return f"refund-{reservation_id}-{_random()}"


def keyed_refund_id(reservation_id: str, caller: str, key: str, secret: bytes) -> str:
    """The refund id that an Idempotency-Key names for this reservation."""
    return f"refund-{reservation_id}-{_digest(_RANDOM_BYTES, 'refund', reservation_id, caller, key, secret=secret)}"


def reservation_of_refund(refund_id: str) -> str | None:
    """The reservation that a refund's id names; None if it is none of ours.

    The refund of an exchange has the exchange's own id, which is that of an attempt.
    """
    match = _REFUND.fullmatch(refund_id)
    return match[1] if match else None


def new_booking_id() -> str:
    """A booking's id: a random UUID, which names no event."""
    return str(uuid4())


def keyed_booking_id(event_id: int, caller: str, key: str, secret: bytes) -> str:
    """The booking id that an Idempotency-Key names: the same caller, key and event give the same id."""
    named = "\0".join((str(event_id), caller, key)).encode()
    return str(UUID(bytes=hashlib.blake2b(named, digest_size=16, key=secret).digest(), version=5))


def request_digest(*parts: str) -> str:
    """A short digest of a request, to tell a repeat from a misuse of its key."""
    return _digest(9, *parts)


def keyed_name(what: str, caller: str, key: str) -> str:
    """The name of the answer that an Idempotency-Key gets for a thing acted on."""
    return _digest(2 * _RANDOM_BYTES, what, caller, key)


def new_secret() -> bytes:
    """A secret for keyed ids: 256 random bits."""
    return os.urandom(_SECRET_BYTES)


def event_of(reservation_id: str) -> int | None:
    """The event that a reservation id names; None if it is no reservation id."""
    match = _PATTERN.fullmatch(reservation_id)
    if match is None:
        return None
    event_id = int(match[1])
    return event_id if event_id <= MAX_EVENT_ID else None


def _random() -> str:
    return urlsafe_b64encode(os.urandom(_RANDOM_BYTES)).decode()


def _digest(size: int, *parts: str, secret: bytes = b"") -> str:
    hashed = hashlib.blake2b("\0".join(parts).encode(), digest_size=size, key=secret)
    return urlsafe_b64encode(hashed.digest()).decode()
