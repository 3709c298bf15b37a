"""Reservations as Postgres has them: lists, and those that Redis no longer keeps."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import asyncpg
import msgspec

from engine.ids import event_of
from engine.records import Record
from engine.words import AttemptState, State
from sync.postgres import Connection, Postgres
from sync.sql import statement

_DECODER = msgspec.json.Decoder(Record)

_END_OF_TIME_MS = 1 << 47
"""An instant that Postgres can still tell, some thousand years from now."""


class StoredReservation(NamedTuple):
    """A reservation and its record, the same to the byte as Redis had it when it last told of it."""

    reservation_id: str
    record: Record


class StoredPayment(NamedTuple):
    """What one reservation has of a payment."""

    reservation_id: str
    state: AttemptState
    amount_minor: int
    customer_id: str


class ReservationPage(NamedTuple):
    """Reservations, newest first, and the cursor that the next page begins after; None: there is no next page."""

    reservations: list[StoredReservation]
    next: tuple[int, str] | None


def is_place_in_list(after: tuple[int, str]) -> bool:
    """Whether this can be the cursor of a page of `list_reservations`."""
    return 0 <= after[0] < _END_OF_TIME_MS and event_of(after[1]) is not None


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
    """What reservations have of a payment, by their ids; empty if Postgres has no such payment. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("read_payment"), payment_id)
    return [StoredPayment(row[0], AttemptState(row[1]), *row[2:]) for row in map(tuple, rows)]


async def read_records(connection: Connection, reservation_ids: Sequence[str]) -> dict[str, Record]:
    """The records of those reservations that Postgres has."""
    rows = await connection.fetch(statement("read_records"), reservation_ids)
    return dict(map(stored_record, rows))


def stored_record(row: asyncpg.Record) -> StoredReservation:
    """A row of the view `reservation_records`."""
    reservation_id, record = row
    return StoredReservation(reservation_id, _DECODER.decode(record))
