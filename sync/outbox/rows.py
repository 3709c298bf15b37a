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

Row = tuple[Any, ...]
"""The attributes of a composite type of Postgres, in their order (r0030_rows_of_facts.sql).

asyncpg encodes an array of such rows in half the time that an array per column takes, and Postgres unpacks it so.
"""


class Rows(NamedTuple):
    """The arguments of the upserts: rows of each table, as the types of Postgres have them (sync/sql/upsert_*.sql)."""

    reservations: Sequence[Row]
    items: Sequence[Row]
    payments: Sequence[Row]
    refunds: Sequence[Row]
    kept: Sequence[Row]
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


def rows(folded: Folded) -> Rows:
    """The rows of folded facts."""
    known_before: dict[int, list[str]] = defaultdict(list)
    for rid in folded.changed - folded.begun:
        known_before[len(folded.records[rid].lines)].append(rid)
    return Rows(
        [_reservation_row(folded, rid, record) for rid, record in folded.records.items()],
        [
            (
                rid,
                place,
                line.ticket_id,
                line.pool,
                line.quantity,
                line.unit_minor,
                record.created_ms,
                _is_first_of_ticket(record, place),
                line.seats,
                line.off_minor,
            )
            for rid, record in folded.records.items()
            if rid in folded.begun or rid in folded.changed  # no other fact changes the items, which are there already
            for place, line in enumerate(record.lines)
        ],
        [_payment_row(folded, key, attempt) for key, attempt in folded.attempts.items()],
        _refund_rows(folded),
        _kept_rows(folded),
        sorted(folded.kept_changed),
        known_before,
    )


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


def _reservation_row(folded: Folded, rid: str, record: Record) -> Row:
    code = record.code
    return (
        rid,
        record.event_id,
        record.customer_id,
        record.state,
        record.details,
        record.digest,
        record.places,
        record.total_minor,
        record.created_ms,
        record.deadline_ms,
        record.ended_ms,
        folded.paid_ms.get(rid, 0),
        code.code if code else None,
        code.kind if code else None,
        record.currency,
        folded.updated_ms[rid],
    )


def _payment_row(folded: Folded, key: tuple[str, str], attempt: Attempt) -> Row:
    rid, attempt_id = key
    received = attempt.received[0] if attempt.received else None
    return (
        rid,
        attempt_id,
        attempt.state,
        attempt.amount_minor,
        attempt.reason,
        attempt.digest,
        attempt.started_ms,
        attempt.settled_ms,
        folded.completed_ms.get(key, 0),
        received.amount_minor if received else None,
        received.currency if received else None,
        received.note if received else None,
        folded.records[rid].currency,
        _ENCODER.encode(attempt.exchange).decode() if attempt.exchange else None,
    )


def _refund_rows(folded: Folded) -> Sequence[Row]:
    return [
        (
            rid,
            attempt_id,
            refund.refund_id,
            place,
            refund.amount_minor,
            refund.created_ms,
            refund.settled_ms,
            _ENCODER.encode(refund.places).decode(),
            refund.worth_minor,
        )
        for (rid, attempt_id), attempt in folded.attempts.items()
        for place, refund in enumerate(attempt.refunds)
    ]


def _kept_rows(folded: Folded) -> Sequence[Row]:
    return [
        (
            rid,
            place,
            folded.records[rid].event_id,
            line.ticket_id,
            line.pool,
            line.quantity,
            line.unit_minor,
            line.seats,
            line.off_minor,
        )
        for rid in sorted(folded.kept_changed)
        for place, line in enumerate(folded.records[rid].kept)
    ]
