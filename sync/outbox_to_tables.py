"""A batch of outbox entries becomes rows, in one transaction with the offset that says so."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import asyncpg
import msgspec
import structlog

from engine.facts import (
    BookingFact,
    Fact,
    decode_booking_fact,
    decode_booking_facts,
    decode_fact,
    decode_facts,
    split_facts,
)
from engine.outbox import BEGINNING, Entry, Position
from sync.folding import booking_columns, columns, fold, fold_bookings
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
"""What Postgres raises for a fact that no repetition will make right."""


AnyFact = Fact | BookingFact


class OffsetMoved(Exception):
    """Another worker has written these entries."""


class Told(NamedTuple):
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
    told: list[Told]
    dead: list[DeadLetter]


class Written(NamedTuple):
    """What became of a batch."""

    facts: int
    dead: int


def batches(entries: Sequence[Entry], facts_limit: int) -> Iterator[Batch]:
    """Entries in batches of about `facts_limit` facts, at least one entry in each."""
    told: list[Told] = []
    dead: list[DeadLetter] = []
    for number, entry in enumerate(entries, 1):
        _decode(entry, told, dead)
        if len(told) >= facts_limit or number == len(entries):
            yield Batch(entry.position, told, dead)
            told, dead = [], []


async def read_offset(connection: Connection, partition: int) -> Position:
    """The last entry of the partition that is in the tables."""
    row = await connection.fetchrow(statement("read_offset"), partition)
    if row is None:
        await connection.execute(statement("insert_offset"), partition)
        return BEGINNING
    return Position(row["epoch"], row["sequence"])


async def write_batch(connection: Connection, partition: int, before: Position, batch: Batch) -> Written:
    """Writes the batch that follows `before`, within the transaction of the caller.

    Raises OffsetMoved, and the transaction must be rolled back, if the tables are not where `before` says.
    """
    moved = await connection.fetchval(statement("move_offset"), partition, *before, *batch.last)
    if moved is None:
        raise OffsetMoved(f"the tables are not at {before} of partition {partition}")
    dead = [*batch.dead, *await _write_facts(connection, batch.told)]
    if dead:
        await _bury(connection, partition, dead)
    return Written(len(batch.told) + len(batch.dead), len(dead))


async def _write_facts(connection: Connection, told: Sequence[Told]) -> list[DeadLetter]:
    """Writes facts in bulk; where Postgres refuses, in halves: one bad fact among thousands is found quickly."""
    if not told:
        return []
    try:
        async with connection.transaction():
            await _upsert(connection, [each.fact for each in told if isinstance(each.fact, Fact)])
            await _upsert_bookings(connection, [each.fact for each in told if isinstance(each.fact, BookingFact)])
            await write_deliveries(connection, [each.fact for each in told])
    except _BAD_FACT as error:
        if len(told) == 1:
            return [DeadLetter(told[0].position, msgspec.msgpack.encode(told[0].fact), repr(error))]
        middle = len(told) // 2
        return [*await _write_facts(connection, told[:middle]), *await _write_facts(connection, told[middle:])]
    return []


async def _upsert(connection: Connection, facts: Sequence[Fact]) -> None:
    if not facts:
        return
    rows = columns(fold(facts))
    await connection.execute(statement("upsert_reservations"), *rows.reservations)
    await connection.execute(statement("upsert_items"), *rows.items)
    for items, rids in rows.known_before.items():
        await connection.execute(statement("delete_items"), rids, items)
    if rows.payments[0]:
        await connection.execute(statement("upsert_payments"), *rows.payments)


async def _upsert_bookings(connection: Connection, facts: Sequence[BookingFact]) -> None:
    kept, gone = fold_bookings(facts)
    if kept:
        await connection.execute(statement("upsert_bookings"), *booking_columns(kept))
    if gone:
        ids = [booking.event_id for booking in gone], [booking.booking_id for booking in gone]
        await connection.execute(statement("delete_bookings"), *ids)


async def _bury(connection: Connection, partition: int, dead: Sequence[DeadLetter]) -> None:
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


def _decode(entry: Entry, told: list[Told], dead: list[DeadLetter]) -> None:
    """Decodes an entry; what cannot be decoded is dead, alone if possible."""
    _decode_field(entry.position, entry.payload, decode_facts, decode_fact, told, dead)
    if entry.bookings:
        _decode_field(entry.position, entry.bookings, decode_booking_facts, decode_booking_fact, told, dead)


def _decode_field(
    position: Position,
    payload: bytes,
    decode_all: Callable[[bytes], Sequence[AnyFact]],
    decode_one: Callable[[bytes], AnyFact],
    told: list[Told],
    dead: list[DeadLetter],
) -> None:
    try:
        told += [Told(position, fact) for fact in decode_all(payload)]
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
            told.append(Told(position, decode_one(part)))
        except ValueError as error:  # one bad fact must not take the others with it
            dead.append(DeadLetter(position, part, repr(error)))
