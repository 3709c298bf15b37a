"""Facts that could not be written, as operators look at them."""

from typing import NamedTuple

from sync.postgres import Postgres
from sync.sql import statement


class StoredDeadLetter(NamedTuple):
    """A fact that could not be written; `bytes` is its size."""

    letter_id: int
    at_ms: int
    partition: int
    epoch: int
    sequence: int
    error: str
    bytes: int


async def list_dead_letters(postgres: Postgres, *, before: int | None, limit: int) -> list[StoredDeadLetter]:
    """Dead letters, newest first, from the one before `before`. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("list_dead_letters"), before, limit)
    return [StoredDeadLetter(*row) for row in rows]
