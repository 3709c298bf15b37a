"""A batch of outbox entries becomes rows, in one transaction with the offset that says so."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import asyncpg
import msgspec
import structlog

from engine.acting import decode_actor
from engine.facts import (
    BookingFact,
    EticketFact,
    Fact,
    QueueFact,
    Scan,
    WaitingFact,
    decode_acts,
    decode_booking_fact,
    decode_booking_facts,
    decode_eticket_fact,
    decode_eticket_facts,
    decode_fact,
    decode_facts,
    decode_queue_fact,
    decode_queue_facts,
    decode_scan,
    decode_scans,
    decode_waiting_fact,
    decode_waiting_facts,
    split_facts,
)
from engine.outbox import BEGINNING, Entry, Position
from engine.tracing import current_span, traceparent_of
from sync.audit_log.acts import Acted, Standing, entries_of, reservations_of, standing_of
from sync.audit_log.entries import append
from sync.outbox.doors import check_in_columns, eticket_rows
from sync.outbox.rooms import place_columns, room_columns
from sync.outbox.rows import booking_columns, fold, fold_bookings, fold_waiting, rows, waiting_columns
from sync.postgres import Connection
from sync.sql import statement
from sync.webhooks.messages import write_deliveries

log = structlog.get_logger(__name__)

_BAD_FACT = (
    ValueError,  # asyncpg cannot encode the value
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,  # too long for an index
)
"""Errors of Postgres for a fact that no repetition will fix."""


AnyFact = Fact | BookingFact | EticketFact | QueueFact | Scan | WaitingFact
F = TypeVar("F", Fact, BookingFact, EticketFact, QueueFact, WaitingFact)


class OffsetMoved(Exception):
    """Another worker has written these entries."""


class PositionedFact(msgspec.Struct, frozen=True, gc=False):
    """A fact and the entry that it came in."""

    position: Position
    fact: AnyFact


class DeadLetter(NamedTuple):
    """A fact that cannot be decoded or applied: all of it, and why."""

    position: Position
    packed: bytes
    error: str


class Batch(NamedTuple):
    """Consecutive entries, decoded."""

    last: Position
    told: list[PositionedFact]
    dead: list[DeadLetter]
    traces: Sequence[str] = ()
    """The traceparents of batches that are traced."""

    acted: list[Acted] = []  # noqa: RUF012  # of a NamedTuple, and nobody changes it


class WriteResult(NamedTuple):
    """The result of writing a batch."""

    facts: int
    dead: int


def batches(entries: Sequence[Entry], facts_limit: int) -> Iterator[Batch]:
    """Entries in batches of about `facts_limit` facts, at least one entry in each."""
    told: list[PositionedFact] = []
    dead: list[DeadLetter] = []
    acted: list[Acted] = []
    traces: list[str] = []
    for number, entry in enumerate(entries, 1):
        told_before = len(told)
        if entry.trace:
            traces.append(entry.trace.decode())
        _decode(entry, told, dead)
        if entry.acts:
            acted.append(_acted(entry, dead)._replace(told_before=told_before))
        if len(told) >= facts_limit or number == len(entries):
            yield Batch(entry.position, told, dead, traces, acted)
            told, dead, traces, acted = [], [], [], []


async def read_offset(connection: Connection, partition: int) -> Position:
    """The last entry of the partition that is in the tables."""
    row = await connection.fetchrow(statement("read_offset"), partition)
    return BEGINNING if row is None else Position(row["epoch"], row["sequence"])


async def open_offset(connection: Connection, partition: int) -> Position:
    """`read_offset` for one who will write: the partition has a row, which `write_batch` moves."""
    await connection.execute(statement("insert_offset"), partition)
    return await read_offset(connection, partition)


async def write_batch(connection: Connection, partition: int, before: Position, batch: Batch) -> WriteResult:
    """Writes the batch that follows `before`, within the transaction of the caller.

    Raises OffsetMoved, and the transaction must be rolled back, if the tables are not where `before` says.
    """
    told_ms = next((each.fact.at_ms for each in reversed(batch.told) if isinstance(each.fact, Fact)), None)
    moved = await connection.fetchval(statement("move_offset"), partition, *before, *batch.last, told_ms)
    if moved is None:
        raise OffsetMoved(f"the tables are not at {before} of partition {partition}")
    changed = [reservation_id for acted in batch.acted for reservation_id in reservations_of(acted)]
    known = await connection.fetch(statement("states_of_reservations"), changed) if changed else []
    states = {row["id"]: Standing(row["status"], row["places"]) for row in known}
    dead = [*batch.dead, *await _write_facts(connection, batch.told)]
    seen = 0
    for acted in batch.acted:
        for told in batch.told[seen : acted.told_before]:
            fact = told.fact
            if isinstance(fact, Fact) and fact.reservation_id in states:
                states[fact.reservation_id] = standing_of(fact.record)
        seen = acted.told_before
        await append(connection, partition, entries_of(acted, states))
    if dead:
        await _insert_dead_letters(connection, partition, dead)
    return WriteResult(len(batch.told) + len(batch.dead), len(dead))


async def _write_facts(connection: Connection, told: Sequence[PositionedFact]) -> list[DeadLetter]:
    """Writes facts in bulk; where Postgres refuses, in halves: one bad fact among thousands is found quickly."""
    if not told:
        return []
    facts = [each.fact for each in told]
    kinds: dict[type[AnyFact], list[Any]] = defaultdict(list)
    for fact in facts:
        kinds[type(fact)].append(fact)
    try:
        async with connection.transaction():
            await _upsert(connection, kinds[Fact])
            await _upsert_bookings(connection, kinds[BookingFact])
            await _upsert_etickets(connection, kinds[EticketFact])
            await _insert_check_ins(connection, kinds[Scan])
            await _upsert_waiting(connection, kinds[WaitingFact])
            await _upsert_queues(connection, kinds[QueueFact])
            await write_deliveries(connection, facts, traceparent_of(current_span()))
    except _BAD_FACT as error:
        if len(told) == 1:
            return [DeadLetter(told[0].position, msgspec.msgpack.encode(_nameless(told[0].fact)), repr(error))]
        middle = len(told) // 2
        return [*await _write_facts(connection, told[:middle]), *await _write_facts(connection, told[middle:])]
    return []


async def _upsert(connection: Connection, facts: Sequence[Fact]) -> None:
    if not facts:
        return
    told = rows(fold(facts))
    await connection.execute(statement("upsert_reservations"), told.reservations)
    if told.items:
        await connection.execute(statement("upsert_items"), told.items)
    for items, rids in told.known_before.items():
        await connection.execute(statement("delete_items"), rids, items)
    if told.payments:
        await connection.execute(statement("upsert_payments"), told.payments)
    if told.refunds:
        await connection.execute(statement("upsert_refunds"), told.refunds)
    if told.kept_changed:
        await connection.execute(statement("delete_kept_items"), told.kept_changed)
        await connection.execute(statement("insert_kept_items"), told.kept)


async def _upsert_waiting(connection: Connection, facts: Sequence[WaitingFact]) -> None:
    if facts:
        columns = waiting_columns(fold_waiting(facts))
        await connection.execute(statement("upsert_waiting_entries"), *columns)


async def _upsert_queues(connection: Connection, facts: Sequence[QueueFact]) -> None:
    if facts:
        await connection.execute(statement("upsert_queue_rooms"), *room_columns(facts))
        await connection.execute(statement("upsert_queue_places"), *place_columns(facts))


async def _upsert_bookings(connection: Connection, facts: Sequence[BookingFact]) -> None:
    kept, gone = fold_bookings(facts)
    if kept:
        await connection.execute(statement("upsert_bookings"), *booking_columns(kept))
    if gone:
        ids = [booking.event_id for booking in gone], [booking.booking_id for booking in gone]
        await connection.execute(statement("delete_bookings"), *ids)


async def _upsert_etickets(connection: Connection, facts: Sequence[EticketFact]) -> None:
    if facts:
        await connection.execute(statement("upsert_etickets"), eticket_rows(facts))


async def _insert_check_ins(connection: Connection, scans: Sequence[Scan]) -> None:
    if scans:
        await connection.execute(statement("insert_check_ins"), *check_in_columns(scans))


def _nameless(fact: AnyFact) -> AnyFact:
    """The fact; that of an e-ticket without its holder's names, which no customer's id stands beside."""
    if not isinstance(fact, EticketFact):
        return fact
    return msgspec.structs.replace(fact, eticket=msgspec.structs.replace(fact.eticket, holder="{}"))


async def _insert_dead_letters(connection: Connection, partition: int, dead: Sequence[DeadLetter]) -> None:
    for letter in dead:
        log.error("dead_letter", partition=partition, position=str(letter.position), error=letter.error)
    await connection.execute(
        statement("insert_dead_letters"),
        partition,
        [letter.position.epoch for letter in dead],
        [letter.position.sequence for letter in dead],
        [letter.packed for letter in dead],
        # Postgres' text has no NUL, which an error may quote.
        [letter.error.replace("\0", "\\0") for letter in dead],
    )


def _decode(entry: Entry, told: list[PositionedFact], dead: list[DeadLetter]) -> None:
    """Decodes an entry; what cannot be decoded is dead, alone if possible."""
    _decode_field(entry.position, entry.payload, decode_facts, decode_fact, told, dead)
    if entry.bookings:
        _decode_field(entry.position, entry.bookings, decode_booking_facts, decode_booking_fact, told, dead)
    if entry.etickets:
        _decode_field(entry.position, entry.etickets, decode_eticket_facts, decode_eticket_fact, told, dead)
    if entry.scans:
        _decode_field(entry.position, entry.scans, decode_scans, decode_scan, told, dead)
    if entry.queues:
        _decode_field(entry.position, entry.queues, decode_queue_facts, decode_queue_fact, told, dead)
    if entry.waiting:
        _decode_field(entry.position, entry.waiting, decode_waiting_facts, decode_waiting_fact, told, dead)


def _acted(entry: Entry, dead: list[DeadLetter]) -> Acted:
    """The acts of an entry with its facts; acts that cannot be decoded are dead."""
    try:
        acts = decode_acts(entry.acts)
        for act in acts:
            decode_actor(act.actor)
    except ValueError as error:
        dead.append(DeadLetter(entry.position, entry.acts, repr(error)))
        acts = []
    bookings = _each(entry.bookings, decode_booking_fact) if entry.bookings else []
    etickets = _each(entry.etickets, decode_eticket_fact) if entry.etickets else []
    waiting = _each(entry.waiting, decode_waiting_fact) if entry.waiting else []
    queues = _each(entry.queues, decode_queue_fact) if entry.queues else []
    return Acted(acts, _each(entry.payload, decode_fact), bookings, etickets, waiting=waiting, queues=queues)


def _each(payload: bytes, decode_one: Callable[[bytes], F]) -> list[F | None]:
    """The facts one by one, None for each that cannot be decoded."""
    facts: list[F | None] = []
    try:
        parts = split_facts(payload)
    except ValueError:
        return facts
    for part in parts:
        try:
            facts.append(decode_one(part))
        except ValueError:
            facts.append(None)
    return facts


def _decode_field(
    position: Position,
    payload: bytes,
    decode_all: Callable[[bytes], Sequence[AnyFact]],
    decode_one: Callable[[bytes], AnyFact],
    told: list[PositionedFact],
    dead: list[DeadLetter],
) -> None:
    try:
        told += [PositionedFact(position, fact) for fact in decode_all(payload)]
        return
    except ValueError as error:
        whole = repr(error)
    try:
        parts = split_facts(payload)
    except ValueError:
        dead.append(DeadLetter(position, payload, whole))
        return
    for part in parts:
        try:
            told.append(PositionedFact(position, decode_one(part)))
        except ValueError as error:  # one bad fact must not take the others with it
            dead.append(DeadLetter(position, part, repr(error)))
