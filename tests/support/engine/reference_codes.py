"""Codes, for the pure model (reference_model.py): every counter is worked out from the reservations that name it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from msgspec.structs import replace

from engine.records import Line
from engine.results.codes import CodeNotApplicable
from engine.terms import CodeTerms
from engine.words import CodeKind, DiscountForm, State
from tests.support.engine.reference_reservation import Reservation

_LIVE = (State.HELD, State.PAYING, State.PAID)


@dataclass
class Code:
    """A code of an event. `is_open`: places are set aside for it."""

    terms: CodeTerms
    is_open: bool = False


class Use(NamedTuple):
    """The uses of a code."""

    uses: int
    spent: int
    held: int
    paying: int
    sold: int
    kept: int

    @property
    def taken(self) -> int:
        return self.held + self.paying + self.sold + self.kept


def places_under(lines: Sequence[Line]) -> int:
    """Places under a code."""
    return sum(line.quantity for line in lines if line.off_minor is not None)


def saved_by(lines: Sequence[Line]) -> int:
    """By how much the lines are cheaper."""
    return sum(line.quantity * line.off_minor for line in lines if line.off_minor is not None)


def use_of(reservations: Sequence[Reservation], event_id: int, code: str) -> Use:
    """The uses of a code."""
    mine = [each for each in reservations if each.event_id == event_id and each.code and each.code.code == code]
    live = [each for each in mine if each.state in _LIVE]
    held, paying, sold = (sum(places_under(each.lines) for each in live if each.state is state) for state in _LIVE)
    kept = sum(places_under(each.kept) for each in mine)
    return Use(len(live), sum(saved_by(each.lines) for each in live), held, paying, sold, kept)


def covers(terms: CodeTerms | None, ticket_id: int) -> bool:
    """True if a code is for a ticket."""
    return terms is not None and (not terms.ticket_ids or ticket_id in terms.ticket_ids)


def is_valid(terms: CodeTerms, customer_id: str, now_ms: int) -> bool:
    """True if a customer may name the code now."""
    is_over = 0 < terms.until_ms <= now_ms
    return not terms.withdrawn and terms.from_ms <= now_ms and not is_over and terms.customer_id in ("", customer_id)


def opening(terms: CodeTerms | None, opens_ms: int) -> int:
    """When what opens at an instant opens for who names the code."""
    if terms is None or terms.kind is not CodeKind.ACCESS or not terms.opens_ms:
        return opens_ms
    return min(opens_ms, terms.opens_ms)


def priced(terms: CodeTerms | None, lines: Sequence[Line]) -> list[Line]:
    """The lines, under the code where it is for their ticket."""
    return [
        replace(line, unit_minor=line.unit_minor - off, off_minor=off)
        if terms and covers(terms, line.ticket_id) and (off := _off(terms, line.unit_minor)) is not None
        else line
        for line in lines
    ]


def _off(terms: CodeTerms, unit_minor: int) -> int:
    match terms.form:
        case DiscountForm.PERCENT:
            return unit_minor * terms.amount // 100
        case DiscountForm.AMOUNT_OFF:
            return min(terms.amount, unit_minor)
        case DiscountForm.PRICE:
            return max(unit_minor - terms.amount, 0)
    return 0


def not_applicable(terms: CodeTerms, places: int) -> CodeNotApplicable | None:
    """The refusal of that many places under the code."""
    if places == 0:
        return CodeNotApplicable(0)
    return CodeNotApplicable(terms.max_places) if 0 < terms.max_places < places else None


def is_used_up(code: Code, use: Use, lines: Sequence[Line], had: Sequence[Line], *, is_new: bool) -> bool:
    """True if a code has too little left for a reservation that gets these lines instead of those it had."""
    terms = code.terms
    if is_new and 0 < terms.max_uses <= use.uses:
        return True
    more = saved_by(lines) - saved_by(had)
    if terms.budget_minor and more > 0 and use.spent + more > terms.budget_minor:
        return True
    wanted = places_under(lines) - places_under(had)
    free = terms.places - use.taken if code.is_open else 0
    return terms.kind is CodeKind.ALLOCATION and wanted > max(free, 0)
