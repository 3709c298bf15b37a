"""Reservations as Postgres has them: lists, and those that Redis no longer keeps."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import asyncpg
import msgspec

from engine.ids import event_of
from engine.records import Attempt, Exchange, Record
from engine.words import State
from sync.postgres import END_OF_TIME_MS, Connection, Postgres
from sync.sql import statement

_DECODER = msgspec.json.Decoder(Record)
_ATTEMPT = msgspec.json.Decoder(Attempt)
_EXCHANGES = msgspec.json.Decoder(list[Exchange])


class StoredReservation(NamedTuple):
    """A reservation and its record, the same to the byte as Redis had it in its last fact."""

    reservation_id: str
    record: Record


class StoredPayment(NamedTuple):
    """The part of a payment that belongs to one reservation."""

    reservation_id: str
    customer_id: str
    attempt: Attempt
    currency: str


class PendingExchange(NamedTuple):
    """An exchange that waits for its money."""

    reservation_id: str
    event_id: int
    customer_id: str
    exchange: Exchange


class ReservationPage(NamedTuple):
    """Reservations, newest first, and the cursor that the next page begins after; None: there is no next page."""

    reservations: list[StoredReservation]
    next: tuple[int, str] | None


def is_place_in_list(after: tuple[int, str]) -> bool:
    """True if this can be the cursor of a page of `list_reservations`."""
    return 0 <= after[0] < END_OF_TIME_MS and event_of(after[1]) is not None


async def list_reservations(
    postgres: Postgres,
    *,
    event_id: int | None = None,
    ticket_id: int | None = None,
    customer_id: str | None = None,
    status: State | None = None,
    of_events: Collection[int] | None = None,
    limit: int,
    after: tuple[int, str] | None = None,
) -> ReservationPage:
    """A page of at most `limit` reservations that fit what is given. `of_events`: of these events alone.

    `after` is the cursor of the page before: creation in ms, and id. What comes in meanwhile neither repeats nor hides
    any. Raises PostgresAway.
    """
    created_ms, reservation_id = after or (None, None)
    events = None if of_events is None else sorted(of_events)
    arguments: list[Any] = [event_id, customer_id, status, created_ms, reservation_id, events, limit + 1]
    name = "list_records"
    if ticket_id is not None:
        name = "list_records_of_ticket"
        arguments.append(ticket_id)
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement(name), *arguments)
    reservations = [stored_record(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return ReservationPage(reservations, None)
    last = reservations[-1]
    return ReservationPage(reservations, (last.record.created_ms, last.reservation_id))


async def get_reservation(postgres: Postgres, reservation_id: str) -> StoredReservation | None:
    """One reservation, None if Postgres does not have it. Raises PostgresAway."""
    async with postgres.connection() as connection:
        row = await connection.fetchrow(statement("read_record"), reservation_id)
    return None if row is None else stored_record(row)


async def get_payment(postgres: Postgres, payment_id: str) -> list[StoredPayment]:
    """The parts of a payment, by reservation id; empty if Postgres has no such payment. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("read_payment"), payment_id)
    return [
        StoredPayment(rid, customer_id, _ATTEMPT.decode(attempt), currency)
        for rid, customer_id, attempt, currency in rows
    ]


async def read_records(connection: Connection, reservation_ids: Sequence[str]) -> dict[str, Record]:
    """The records of those reservations that Postgres has."""
    rows = await connection.fetch(statement("read_records"), reservation_ids)
    return dict(map(stored_record, rows))


def stored_record(row: asyncpg.Record) -> StoredReservation:
    """A row that begins with those of the view `reservation_records`: the id and the record."""
    return StoredReservation(row["id"], _DECODER.decode(row["record"]))


async def pending_exchanges(connection: Connection) -> list[PendingExchange]:
    """All exchanges that wait for their money, of every event: few at any time."""
    rows = await connection.fetch(statement("pending_exchanges"))
    return [PendingExchange(*row[:3], *_EXCHANGES.decode(row["exchange"])) for row in rows]
