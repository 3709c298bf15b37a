"""The struct of every result, and of results about a reservation."""

import msgspec

from engine.records import Record


class Allowance(msgspec.Struct, gc=False, array_like=True, frozen=True):
    """The remaining allowance of a rate limit.

    `who` is limited, customer or address; `left` more requests may come at once. `reset_ms`: until as many as ever may,
    or until one may if none is left.
    """

    who: str
    left: int
    reset_ms: int


class Result(msgspec.Struct, gc=False, array_like=True, frozen=True, tag_field="word", kw_only=True):
    """The answer of a command.

    `allowances` comes last, for rate-limited commands; it is empty if nothing is limited.
    """

    allowances: tuple[Allowance, ...] = ()


class OnRecord(Result, frozen=True):
    """An answer about an existing reservation.

    `now_ms` is the instant of the answer by the clock of Redis, `replayed` says that an earlier request had the effect.
    """

    now_ms: int
    replayed: bool
    record: Record
