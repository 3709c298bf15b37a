"""Facts of a batch, folded to rows: one per reservation, item, payment attempt and booking."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from engine.facts import BookingFact, Fact, WaitingFact
from engine.records import Attempt, Booking, Record, WaitingEntry
from engine.words import AttemptState, BookingState, FactWord, WaitingFactWord, WaitingState

_MONEY_TAKEN = frozenset({AttemptState.COMPLETED, AttemptState.REFUND_DUE})
_CHANGING_ITEMS = frozenset({FactWord.CHANGED, FactWord.EXCHANGED})
_MOVING_KEPT = frozenset({FactWord.REFUND_DUE, FactWord.RESTOCKED})
_ENCODER = msgspec.json.Encoder()
_IN_LINE = frozenset({WaitingState.WAITING, WaitingState.OFFERED})


class Columns(NamedTuple):
    """The arguments of the upserts: for each table, columns as lists of equal length (sync/sql/upsert_*.sql)."""

    reservations: Sequence[Sequence[Any]]
    items: Sequence[Sequence[Any]]
    payments: Sequence[Sequence[Any]]
    refunds: Sequence[Sequence[Any]]
    kept: Sequence[Sequence[Any]]
    kept_changed: Sequence[str]
    """Reservations whose kept places may have changed."""
    known_before: Mapping[int, Sequence[str]]
    """Reservations that earlier batches wrote and whose items changed, by how many items they have now."""


class Folded(NamedTuple):
    """A batch of facts: the last record of each reservation, and what later records no longer tell."""

    records: dict[str, Record]
    updated_ms: dict[str, int]
    begun: frozenset[str]
    changed: frozenset[str]
    paid_ms: dict[str, int]
    attempts: dict[tuple[str, str], Attempt]
    completed_ms: dict[tuple[str, str], int]
    kept_changed: frozenset[str]


class Bookings(NamedTuple):
    """The effect of a batch of facts about bookings: those that exist, and those that were deleted."""

    kept: Sequence[Booking]
    gone: Sequence[Booking]


def fold(facts: Iterable[Fact]) -> Folded:
    """Folds facts in their order.

    A fact has the whole record, so the last fact of a reservation is enough, except for three things. They are the
    instants of its first payment and of its first charge, and its older attempts: a record keeps the last eight.
    """
    records: dict[str, Record] = {}
    updated_ms: dict[str, int] = {}
    begun: set[str] = set()
    changed: set[str] = set()
    paid_ms: dict[str, int] = {}
    attempts: dict[tuple[str, str], Attempt] = {}
    completed_ms: dict[tuple[str, str], int] = {}
    kept_changed: set[str] = set()
    for fact in facts:
        rid, record = fact.reservation_id, fact.record
        records[rid], updated_ms[rid] = record, fact.at_ms
        if fact.word is FactWord.HELD:
            begun.add(rid)
        elif fact.word in _CHANGING_ITEMS:
            changed.add(rid)
        elif fact.word is FactWord.PAID:
            paid_ms.setdefault(rid, fact.at_ms)
        elif fact.word in _MOVING_KEPT:
            changed.add(rid)
            kept_changed.add(rid)
        for attempt in record.attempts:
            attempts[rid, attempt.attempt_id] = attempt
            if attempt.state in _MONEY_TAKEN:
                completed_ms.setdefault((rid, attempt.attempt_id), attempt.settled_ms)
    moved = frozenset(kept_changed)
    return Folded(records, updated_ms, frozenset(begun), frozenset(changed), paid_ms, attempts, completed_ms, moved)


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
        [record.code.code if record.code else None for record in told],
        [record.code.kind.value if record.code else None for record in told],
        [record.currency for record in told],
        [folded.updated_ms[rid] for rid in rids],
    )
    lines = [
        (rid, place, line, record.created_ms)
        for rid, record in records.items()
        if rid in folded.begun or rid in folded.changed  # no other fact changes the items, which are there already
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
        [line.off_minor for _, _, line, _ in lines],
    )
    known_before: dict[int, list[str]] = defaultdict(list)
    for rid in folded.changed - folded.begun:
        known_before[len(records[rid].lines)].append(rid)
    kept = _kept_columns(folded)
    changed = sorted(folded.kept_changed)
    return Columns(reservations, items, _payment_columns(folded), _refund_columns(folded), kept, changed, known_before)


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
        [booking.slot for booking in kept],
        [booking.start_ms for booking in kept],
        [booking.details for booking in kept],
        [booking.digest for booking in kept],
        [booking.created_ms for booking in kept],
        [booking.changed_ms for booking in kept],
        [booking.expires_ms for booking in kept],
        [booking.customer_id for booking in kept],
        [booking.phone for booking in kept],
    )


class Waits(NamedTuple):
    """A batch of facts about waiting lists: the last state of each entry, and what later states no longer tell."""

    entries: dict[str, WaitingEntry]
    offered_ms: dict[str, int]
    ended_ms: dict[str, int]


def fold_waiting(facts: Iterable[WaitingFact]) -> Waits:
    """Folds facts about waiting lists in their order."""
    waits = Waits({}, {}, {})
    for fact in facts:
        waiting_id = fact.entry.waiting_id
        waits.entries[waiting_id] = fact.entry
        if fact.word is WaitingFactWord.WAITING:  # perhaps again, after it was forgotten
            waits.offered_ms.pop(waiting_id, None)
            waits.ended_ms.pop(waiting_id, None)
        elif fact.word is WaitingFactWord.OFFERED:
            waits.offered_ms[waiting_id] = fact.at_ms
        elif fact.entry.state not in _IN_LINE and fact.word is not WaitingFactWord.ERASED:
            waits.ended_ms[waiting_id] = fact.at_ms
    return waits


def waiting_columns(waits: Waits) -> Sequence[Sequence[Any]]:
    """The rows of entries of waiting lists, column by column."""
    entries = list(waits.entries.values())
    return (
        *([getattr(entry, name) for entry in entries] for name in WaitingEntry.__struct_fields__),
        [waits.offered_ms.get(entry.waiting_id, 0) for entry in entries],
        [waits.ended_ms.get(entry.waiting_id, 0) for entry in entries],
    )


def _is_first_of_ticket(record: Record, place: int) -> bool:
    """True if no earlier line of the record is of the same ticket."""
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
        [attempt.received[0].amount_minor if attempt.received else None for attempt in attempts],
        [attempt.received[0].currency if attempt.received else None for attempt in attempts],
        [attempt.received[0].note if attempt.received else None for attempt in attempts],
        [folded.records[rid].currency for rid, _ in folded.attempts],
        [_ENCODER.encode(attempt.exchange).decode() if attempt.exchange else None for attempt in attempts],
    )


def _refund_columns(folded: Folded) -> Sequence[Sequence[Any]]:
    refunds = [
        (rid, attempt_id, refund.refund_id, place, refund)
        for (rid, attempt_id), attempt in folded.attempts.items()
        for place, refund in enumerate(attempt.refunds)
    ]
    return (
        [rid for rid, _, _, _, _ in refunds],
        [attempt_id for _, attempt_id, _, _, _ in refunds],
        [refund_id for _, _, refund_id, _, _ in refunds],
        [place for _, _, _, place, _ in refunds],
        [refund.amount_minor for *_, refund in refunds],
        [refund.created_ms for *_, refund in refunds],
        [refund.settled_ms for *_, refund in refunds],
        [_ENCODER.encode(refund.places).decode() for *_, refund in refunds],
        [refund.worth_minor for *_, refund in refunds],
    )


def _kept_columns(folded: Folded) -> Sequence[Sequence[Any]]:
    lines = [
        (rid, place, folded.records[rid].event_id, line)
        for rid in sorted(folded.kept_changed)
        for place, line in enumerate(folded.records[rid].kept)
    ]
    return (
        [rid for rid, _, _, _ in lines],
        [place for _, place, _, _ in lines],
        [event_id for _, _, event_id, _ in lines],
        [line.ticket_id for *_, line in lines],
        [line.pool for *_, line in lines],
        [line.quantity for *_, line in lines],
        [line.unit_minor for *_, line in lines],
        [_array_text(line.seats) for *_, line in lines],
        [line.off_minor for *_, line in lines],
    )
