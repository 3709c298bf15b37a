"""Facts of a batch, folded to rows: one per reservation, item, payment attempt and booking."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from engine.facts import BookingFact, Fact
from engine.records import Attempt, Booking, Record
from engine.words import AttemptState, BookingState, FactWord

_MONEY_TAKEN = frozenset({AttemptState.COMPLETED, AttemptState.REFUND_DUE})


class Columns(NamedTuple):
    """What the upserts take: for each table its columns as lists of the same length (sync/sql/upsert_*.sql)."""

    reservations: Sequence[Sequence[Any]]
    items: Sequence[Sequence[Any]]
    payments: Sequence[Sequence[Any]]
    known_before: Mapping[int, Sequence[str]]
    """Reservations that earlier batches wrote, by how many items they have now."""


class Folded(NamedTuple):
    """A batch of facts: the last record of each reservation, and what later records no longer tell."""

    records: dict[str, Record]
    begun: frozenset[str]
    paid_ms: dict[str, int]
    attempts: dict[tuple[str, str], Attempt]
    completed_ms: dict[tuple[str, str], int]


class Bookings(NamedTuple):
    """What a batch of facts about bookings leaves behind: those that there are, and those that were deleted."""

    kept: Sequence[Booking]
    gone: Sequence[Booking]


def fold(facts: Iterable[Fact]) -> Folded:
    """Folds facts in their order.

    A fact has the whole record, so the last one of a reservation is enough, but for three things: when it was first
    paid, when money was first taken, and attempts that were forgotten since, because a record keeps the last eight.
    """
    records: dict[str, Record] = {}
    begun: set[str] = set()
    paid_ms: dict[str, int] = {}
    attempts: dict[tuple[str, str], Attempt] = {}
    completed_ms: dict[tuple[str, str], int] = {}
    for fact in facts:
        rid, record = fact.reservation_id, fact.record
        records[rid] = record
        if fact.word is FactWord.HELD:
            begun.add(rid)
        elif fact.word is FactWord.PAID:
            paid_ms.setdefault(rid, fact.at_ms)
        for attempt in record.attempts:
            attempts[rid, attempt.attempt_id] = attempt
            if attempt.state in _MONEY_TAKEN:
                completed_ms.setdefault((rid, attempt.attempt_id), attempt.settled_ms)
    return Folded(records, frozenset(begun), paid_ms, attempts, completed_ms)


def columns(folded: Folded) -> Columns:
    """The rows of folded facts, column by column."""
    records = folded.records
    rids, told = list(records), list(records.values())
    reservations = (
        rids,
        [record.event_id for record in told],
        [record.customer_id for record in told],
        [record.state.value for record in told],
        [record.details for record in told],
        [record.digest for record in told],
        [record.places for record in told],
        [record.total_minor for record in told],
        [record.created_ms for record in told],
        [record.deadline_ms for record in told],
        [record.ended_ms for record in told],
        [folded.paid_ms.get(rid, 0) for rid in rids],
    )
    lines = [
        (rid, place, line, record.created_ms)
        for rid, record in records.items()
        for place, line in enumerate(record.lines)
    ]
    items = (
        [rid for rid, _, _, _ in lines],
        [place for _, place, _, _ in lines],
        [line.ticket_id for _, _, line, _ in lines],
        [line.pool for _, _, line, _ in lines],
        [line.quantity for _, _, line, _ in lines],
        [line.unit_minor for _, _, line, _ in lines],
        [created_ms for _, _, _, created_ms in lines],
        [_is_first_of_ticket(records[rid], place) for rid, place, _, _ in lines],
        [_array_text(line.seats) for _, _, line, _ in lines],
    )
    known_before: dict[int, list[str]] = defaultdict(list)
    for rid in records.keys() - folded.begun:
        known_before[len(records[rid].lines)].append(rid)
    return Columns(reservations, items, _payment_columns(folded), known_before)


def fold_bookings(facts: Iterable[BookingFact]) -> Bookings:
    """Folds facts about bookings in their order: the last one of a booking is enough."""
    last = {(fact.booking.event_id, fact.booking.booking_id): fact.booking for fact in facts}
    kept = [booking for booking in last.values() if booking.state is BookingState.BOOKED]
    gone = [booking for booking in last.values() if booking.state is BookingState.CANCELLED]
    return Bookings(kept, gone)


def booking_columns(kept: Sequence[Booking]) -> Sequence[Sequence[Any]]:
    """The rows of bookings, column by column."""
    return (
        [booking.event_id for booking in kept],
        [booking.booking_id for booking in kept],
        [booking.start_ms for booking in kept],
        [booking.details for booking in kept],
        [booking.digest for booking in kept],
        [booking.created_ms for booking in kept],
        [booking.changed_ms for booking in kept],
        [booking.expires_ms for booking in kept],
    )


def _is_first_of_ticket(record: Record, place: int) -> bool:
    """Whether no earlier line of the record is of the same ticket."""
    ticket_id = record.lines[place].ticket_id
    return all(line.ticket_id != ticket_id for line in record.lines[:place])


def _array_text(numbers: Sequence[int]) -> str:
    """An array as Postgres writes it."""
    return f"{{{','.join(map(str, numbers))}}}"


def _payment_columns(folded: Folded) -> Sequence[Sequence[Any]]:
    attempts = list(folded.attempts.values())
    return (
        [rid for rid, _ in folded.attempts],
        [attempt.attempt_id for attempt in attempts],
        [attempt.state.value for attempt in attempts],
        [attempt.amount_minor for attempt in attempts],
        [attempt.reason for attempt in attempts],
        [attempt.digest for attempt in attempts],
        [attempt.started_ms for attempt in attempts],
        [attempt.settled_ms for attempt in attempts],
        [folded.completed_ms.get(key, 0) for key in folded.attempts],
    )
