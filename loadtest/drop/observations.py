"""Requests of the crowd and their answers. Plain data, written by the crowd and read by the verdict."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import msgspec


class Outcome(StrEnum):
    """The outcome of a request, as its sender sees it."""

    SUCCESS = "success"
    """It got what it asked for."""

    REFUSAL = "refusal"
    """Refused with a reason: sold out, seat taken, expired. The engine does its work."""

    BUSY = "busy"
    """Refused until later: 429 or 503 with Retry-After."""

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
        "not_your_turn",
        "inside_full",
        "pass_expired",
        "queue_closed",
    }
)
"""Codes that a drop is full of."""


def outcome_of(status: int, code: str | None, *, retry_after: bool) -> Outcome:
    """The outcome that an answer means to its sender; status 0: there was no answer."""
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


class ObservedReservation(msgspec.Struct):
    """A reservation that a customer got, and the last answer about it.

    `state` is `held`, `paid`, `cancelled`, or `unknown` when the answer to a payment or to giving it back did not come.
    """

    reservation_id: str
    event_id: int
    ticket_id: int
    places: int
    seat_ids: list[int]
    state: str


class Booked(msgspec.Struct):
    """A free booking that a customer got, and the last answer about it: its slot, or that it is gone."""

    booking_id: str
    event_id: int
    slot: str
    """`2027-09-12 13:30`, local to the event; empty: deleted; `?`: an answer did not come."""


class ObservedPlace(msgspec.Struct):
    """A place in the waiting room that somebody was given. Seconds since the crowd began; -1: never.

    `indexes`: of all answers. `position`: as the customer computed it, -1 before the draw; `wrong_positions`: those of
    the server that differ. `absent`: it does not come when it is its turn. `left`: it gave its place up.
    """

    customer_id: str
    joined_at_seconds: float
    indexes: list[int]
    position: int = -1
    wrong_positions: list[int] = []
    absent: bool = False
    left: bool = False
    held: bool = False
    entered_at_seconds: float = -1.0
    told_over_at_seconds: float = -1.0


class ClientLoad(msgspec.Struct, array_like=True):
    """The CPU use of the crowd until `at_seconds`.

    Its process as a share of a core, its machine as a share of all cores.

    `late_ms`: how late the process woke up.
    """

    at_seconds: float
    share: float
    machine_share: float
    late_ms: float

    @property
    def at_limit(self) -> bool:
        """True if answers waited for the crowd, or the server for a core that the crowd used."""
        return self.share > 0.9 or self.machine_share > 0.95


class Told(msgspec.Struct):
    """All of it. `opened_at_seconds`: when the sale opened, on the same clock as requests."""

    opened_at_seconds: float
    requests: Sequence[Request]
    observed: Sequence[ObservedReservation]
    bookings: Sequence[Booked]
    strains: Sequence[ClientLoad]
    places: Sequence[ObservedPlace] = ()

    @classmethod
    def read(cls, path: Path) -> "Told":
        """Read the file that the crowd wrote. Raises OSError, or ValueError for an incomplete one."""
        return msgspec.json.decode(path.read_bytes(), type=cls)

    def write(self, path: Path) -> None:
        """To a file for the verdict."""
        path.write_bytes(msgspec.json.encode(self))
