"""Answers about waiting rooms."""

from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from api.http.types import Number, Timestamp
from engine.words import QueueEnd, QueuePhase

Hex = Annotated[str, Meta(pattern="^[0-9a-f]+$")]
"""Bytes as hexadecimal digits."""


class Queue(msgspec.Struct, frozen=True):
    """The waiting room, as everybody sees it. `cohort` and `seed` are null until the order is drawn."""

    event_id: int
    phase: QueuePhase
    as_of: Timestamp
    cohort: Number | None
    joined: Number
    serving: Number
    inside: Number
    commitment: Hex
    seed: Hex | None
    per_minute: Number
    message: str | None
    reason: QueueEnd | None
    next_return_at: Timestamp | None
    poll_after_ms: tuple[Number, Number]

    EXAMPLE: ClassVar[Any] = {
        "event_id": 5,
        "phase": "serving",
        "as_of": "2027-06-01T10:00:00.120Z",
        "cohort": 98211,
        "joined": 101730,
        "serving": 4120,
        "inside": 1800,
        "commitment": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "seed": "c4ca4238a0b923820dcc509a6f75849b2c3d4e5f",
        "per_minute": 2870,
        "message": None,
        "reason": None,
        "next_return_at": None,
        "poll_after_ms": [8000, 12000],
    }


class Expected(msgspec.Struct, frozen=True):
    """When the turn comes: in one case of two, and in nine of ten. Null before the draw and while nobody is let in."""

    p50: Timestamp | None
    p90: Timestamp | None


class QueuePlace(msgspec.Struct, frozen=True):
    """A customer's place. `position` and `ahead` are null until the order is drawn."""

    event_id: int
    customer_id: str
    index: Number
    position: Number | None
    ahead: Number | None
    expected: Expected
    pass_expires_at: Timestamp | None

    EXAMPLE: ClassVar[Any] = {
        "event_id": 5,
        "customer_id": "22",
        "index": 48211,
        "position": 15044,
        "ahead": 10924,
        "expected": {"p50": "2027-06-01T10:04:00Z", "p90": "2027-06-01T10:06:40Z"},
        "pass_expires_at": None,
    }


class QueueAudit(msgspec.Struct, frozen=True):
    """Enough to recompute every position (docs/waiting-room.md). All but the commitment is null before the draw."""

    event_id: int
    commitment: Hex
    secret: Hex | None
    cohort: Number | None
    digest: str | None
    seed: Hex | None
