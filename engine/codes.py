"""Codes as a partition stores them: the layout of `lua/30_codes.lua`, for Python."""

from typing import NamedTuple

import msgspec

from engine.records import Line, Record
from engine.terms import CodeTerms
from engine.words import CodeKind, State

CODE_PATTERN = r"^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,64}$(?!\n)"
"""The pattern of codes: what needs no encoding in an address, where `.` and `..` name something else (RFC 3986)."""

CODE_BEGINNING = r"^[A-Za-z0-9._~-]{0,40}$(?!\n)"
"""The pattern of what random codes may begin with."""

_TERMS = msgspec.msgpack.Decoder(CodeTerms)
_LIVE = frozenset({State.HELD, State.PAYING, State.PAID})


class CodeTotals(NamedTuple):
    """The use of a code: reservations that name it, what they save, and its places by the counter they stand in."""

    uses: int = 0
    spent_minor: int = 0
    held: int = 0
    paying: int = 0
    sold: int = 0
    kept: int = 0

    @property
    def taken(self) -> int:
        """Places under it that are not free."""
        return self.held + self.paying + self.sold + self.kept

    def plus(self, other: "CodeTotals") -> "CodeTotals":
        """Both together."""
        return CodeTotals(*map(sum, zip(self, other, strict=True)))


class StoredTotals(NamedTuple):
    """A code as it is stored. `free`: set aside and not taken; `is_open`: places are set aside."""

    totals: CodeTotals
    free: int
    is_open: bool
    terms: CodeTerms


def parse_code(raw: bytes) -> StoredTotals:
    """A field of the hash of an event's codes. Raises ValueError."""
    head, _, packed = raw.partition(b"|")
    *counters, free, is_open = map(int, head.split()) if head else [0] * 8
    return StoredTotals(CodeTotals(*counters), free, bool(is_open), _TERMS.decode(packed))


def totals_of(record: Record) -> CodeTotals:
    """Addition of a record to the code that it names; nothing if it names none."""
    if record.code is None:
        return CodeTotals()
    kept = _places(record.kept)
    if record.state not in _LIVE:
        return CodeTotals(kept=kept)
    places = _places(record.lines)
    spent = sum(line.quantity * (line.off_minor or 0) for line in record.lines)
    return CodeTotals(
        uses=1,
        spent_minor=spent,
        held=places if record.state is State.HELD else 0,
        paying=places if record.state is State.PAYING else 0,
        sold=places if record.state is State.PAID else 0,
        kept=kept,
    )


def places_set_aside(terms: CodeTerms, totals: CodeTotals, now_ms: int) -> tuple[int, bool]:
    """The free places to set aside, and whether any are set aside."""
    is_open = terms.kind is CodeKind.ALLOCATION and not terms.withdrawn and not 0 < terms.until_ms <= now_ms
    return (max(0, terms.places - totals.taken) if is_open else 0), is_open


def _places(lines: list[Line]) -> int:
    return sum(line.quantity for line in lines if line.off_minor is not None)
