"""Retention of past slots: Redis forgets them, Postgres marks their bookings and later deletes them.

What anybody reads does not wait for it: a booking is expired from its instant on.
"""

import asyncio
from contextlib import suppress

import structlog

from engine.engine import Engine
from engine.errors import EngineError, Fault
from engine.settings import Settings
from sync.postgres import Postgres, PostgresAway
from sync.sql import statement

log = structlog.get_logger(__name__)

_ROWS_AT_ONCE = 5000


async def run_past_slots(settings: Settings, engine: Engine, postgres: Postgres, partition: int) -> None:
    """Looks after a partition every `purge_interval_ms`, forever, at once at first. Outlives Redis and Postgres."""
    while True:
        try:
            await purge_slots(engine, partition)
        except Fault:  # logged by the engine's outage
            pass
        except EngineError as error:
            log.warning("purge_failed", partition=partition, error=str(error))
        with suppress(PostgresAway):  # told by its outage
            await expire_bookings(settings, postgres, partition)
        await asyncio.sleep(settings.purge_interval_ms / 1000)


async def purge_slots(engine: Engine, partition: int) -> int:
    """Removes what is past from Redis, a slice at a time. Returns how many bookings. Raises Fault."""
    bookings = kept = 0
    more = True
    while more:
        purged = await engine.purge_slots(partition, kept)
        bookings, kept, more = bookings + purged.bookings, kept + purged.kept, purged.more
    return bookings


async def expire_bookings(settings: Settings, postgres: Postgres, partition: int) -> None:
    """Marks bookings that have expired, and deletes those that did so `booking_retention_seconds` ago.

    Raises PostgresAway.
    """
    of = (settings.partitions, partition, _ROWS_AT_ONCE)
    await _repeat(postgres, "expire_bookings", *of)
    await _repeat(postgres, "delete_expired_bookings", *of, settings.booking_retention_seconds)


async def _repeat(postgres: Postgres, name: str, *arguments: int) -> None:
    """A statement that changes at most `_ROWS_AT_ONCE` rows, until it finds fewer."""
    changed = _ROWS_AT_ONCE
    while changed == _ROWS_AT_ONCE:
        async with postgres.connection() as connection:
            status = await connection.execute(statement(name), *arguments)
        changed = int(status.rpartition(" ")[2])
