"""Work that somebody has to look at, as far as Postgres knows it: messages to webhooks, and dead letters."""

from typing import NamedTuple

from sync.postgres import Postgres
from sync.sql import statement


class LateWork(NamedTuple):
    """The age of the oldest message that waits for an endpoint, endpoints that were switched off, new dead letters."""

    webhooks_oldest_seconds: float
    webhook_endpoints_off: int
    dead_letters: int


async def read_late_work(postgres: Postgres, *, dead_letters_of_seconds: float) -> LateWork:
    """The late work now; of dead letters, those of the last that many seconds. Raises PostgresAway."""
    async with postgres.connection() as connection:
        ((_, oldest_seconds, off),) = await connection.fetch(statement("measure_webhook_queue"))
        dead = await connection.fetchval(statement("count_dead_letters"), dead_letters_of_seconds)
    return LateWork(oldest_seconds, off, dead)
