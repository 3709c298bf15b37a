"""What the crowd asked and what it was told. Plain data, that the crowd writes and the verdict reads."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import msgspec


class Outcome(StrEnum):
    """How a request ended, as its sender sees it."""

    SUCCESS = "success"
    """It got what it asked for."""

    REFUSAL = "refusal"
    """It was told why not: sold out, seat taken, expired. The engine does its work."""

    BUSY = "busy"
    """It was told to come again later: 429 or 503 with Retry-After."""

    ERROR = "error"
    """Anything else: no answer, a 5xx, an answer that makes no sense."""


REFUSALS = frozenset(
    {
        "sold_out",
        "seat_taken",
        "slot_full",
        "limit_exceeded",
        "sale_closed",
        "not_on_sale_yet",
        "expired",
        "cancelled",
        "not_held",
        "card_declined",
        "payment_failed",
        "payment_in_progress",
        "already_paid",
    }
)
"""Codes that a drop is full of."""


def outcome_of(status: int, code: str | None, *, retry_after: bool) -> Outcome:
    """What an answer is to its sender; status 0: none came."""
    if 200 <= status < 300 or status == 304:
        return Outcome.SUCCESS
    if status in {429, 503} and retry_after:
        return Outcome.BUSY
    return Outcome.REFUSAL if 400 <= status < 500 and code in REFUSALS else Outcome.ERROR


class Request(msgspec.Struct, array_like=True):
    """A request: seconds since the crowd began, what it was, how it ended, how long it took."""

    at_seconds: float
    name: str
    outcome: Outcome
    code: str
    took_ms: float


class Taking(msgspec.Struct):
    """A reservation that somebody was given, and the last that he was told of it.

    `state` is `held`, `paid`, `cancelled`, or `unknown` when the answer to a payment or to giving it back did not come.
    """

    reservation_id: str
    event_id: int
    ticket_id: int
    places: int
    seat_ids: list[int]
    state: str


class Booked(msgspec.Struct):
    """A free booking that somebody was given, and the last that he was told of it: its slot, or that it is gone."""

    booking_id: str
    event_id: int
    slot: str
    """`2027-09-12 13:30`, local to the event; empty: deleted; `?`: an answer did not come."""


class Strain(msgspec.Struct, array_like=True):
    """How hard the crowd's process worked until `at_seconds`, as a share of a core, and its machine, of all its cores.

    `late_ms`: how late the process woke up.
    """

    at_seconds: float
    share: float
    machine_share: float
    late_ms: float

    @property
    def at_limit(self) -> bool:
        """Whether answers waited for the crowd, or the server for a core that the crowd had."""
        return self.share > 0.9 or self.machine_share > 0.95


class Told(msgspec.Struct):
    """All of it. `opened_at_seconds`: when the sale opened, on the same clock as requests."""

    opened_at_seconds: float
    requests: Sequence[Request]
    takings: Sequence[Taking]
    bookings: Sequence[Booked]
    strains: Sequence[Strain]

    @classmethod
    def read(cls, path: Path) -> "Told":
        """From the file that the crowd wrote. Raises OSError, or ValueError for one that is not whole."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """To a file for the verdict."""
        path.write_bytes(msgspec.json.encode(self))
