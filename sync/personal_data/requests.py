"""Requests to erase what is known of a customer. The sync worker does it (sync/personal_data/eraser.py)."""

from typing import NamedTuple

from sync.audit_log.entries import log_change
from sync.postgres import Postgres
from sync.sql import statement


class Erasure(NamedTuple):
    """A request, in ms since 1970; `done_ms` is None while something of before may be left."""

    requested_ms: int
    done_ms: int | None


async def request_erasure(postgres: Postgres, customer_id: str, now_ms: int) -> Erasure:
    """Ask for the erasure of what was created until `now_ms`, by the clock of Redis. Safe to repeat.

    Raises PostgresAway.
    """
    async with postgres.connection() as connection, connection.transaction():
        await connection.execute(statement("request_erasure"), customer_id, now_ms)
        await log_change(connection, f"customer/{customer_id}", after={"erased_until_ms": now_ms})
    return Erasure(now_ms, None)


async def read_erasure(postgres: Postgres, customer_id: str) -> Erasure | None:
    """The last request about a customer; None if there was none. Raises PostgresAway."""
    async with postgres.connection() as connection:
        row = await connection.fetchrow(statement("read_erasure"), customer_id)
    return None if row is None else Erasure(row["requested_ms"], row["done_ms"])
