"""Waiting lists as Postgres has them: lists, and entries that Redis no longer keeps."""

from typing import NamedTuple

import asyncpg
import msgspec

from engine.records import WaitingEntry
from engine.words import WaitingState
from sync.postgres import Connection, Postgres
from sync.sql import statement


class WaitingPage(NamedTuple):
    """Entries in the order of their numbers, and the number that the next page begins behind; None: there is none.

    `places`: of each entry, its place in the line of its ticket, from 1; 0: it does not wait.
    """

    entries: list[WaitingEntry]
    places: list[int]
    next: int | None


def stored_entry(row: asyncpg.Record) -> WaitingEntry:
    """An entry, from its row, whose columns are in the order of its fields."""
    return msgspec.convert(list(row), WaitingEntry)


async def list_waiting(
    postgres: Postgres,
    event_id: int,
    *,
    ticket_id: int | None = None,
    state: WaitingState | None = None,
    limit: int,
    after: int | None = None,
) -> WaitingPage:
    """A page of at most `limit` entries of an event. Raises PostgresAway."""
    arguments = event_id, ticket_id, state, -1 if after is None else after, limit + 1
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("list_waiting_entries"), *arguments)
    entries = [msgspec.convert(list(row)[:-1], WaitingEntry) for row in rows[:limit]]
    places = [row["place"] for row in rows[:limit]]
    return WaitingPage(entries, places, entries[-1].number if len(rows) > limit else None)


async def get_waiting(postgres: Postgres, waiting_id: str) -> WaitingEntry | None:
    """One entry, None if Postgres does not have it. Raises PostgresAway."""
    async with postgres.connection() as connection:
        row = await connection.fetchrow(statement("read_waiting_entry"), waiting_id)
    return None if row is None else stored_entry(row)


async def waiting_of_customer(postgres: Postgres, customer_id: str, most: int) -> list[WaitingEntry]:
    """The entries of a customer, newest first. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("waiting_entries_of_customer"), customer_id, most)
    return [stored_entry(row) for row in rows]


async def read_live_waiting(connection: Connection, partitions: int, partition: int) -> dict[str, WaitingEntry]:
    """The entries of a partition that wait or are offered, by id."""
    rows = await connection.fetch(statement("audit_waiting_entries"), partitions, partition)
    return {row[0]: stored_entry(row) for row in rows}
