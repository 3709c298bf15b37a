"""Answers about dead letters."""

from typing import Any, ClassVar

import msgspec

from api.http.types import Number, Timestamp


class DeadLetter(msgspec.Struct, frozen=True):
    """A fact that could not be written to its tables, and the reason.

    `partition`, `epoch` and `sequence` are its place in the outbox; `bytes` is its size.
    """

    id: int
    at: Timestamp
    partition: Number
    epoch: Number
    sequence: Number
    error: str
    bytes: Number

    EXAMPLE: ClassVar[Any] = {
        "id": 1,
        "at": "2027-06-01T10:00:00Z",
        "partition": 3,
        "epoch": 1,
        "sequence": 4711,
        "error": "Expected `int`, got `str` - at `$[2]`",
        "bytes": 212,
    }
