"""Lists that miss nothing: waiting until Postgres has what Redis had when somebody asked."""

import asyncio
from collections.abc import Sequence

import structlog

from engine.client import Redis
from engine.errors import Fault
from engine.outbox import Position, last_position
from engine.redis_keys import PartitionKeys
from sync.postgres import Postgres
from sync.sql import statement

log = structlog.get_logger(__name__)

_FIRST_LOOK_SECONDS = 0.004
_RAREST_LOOK_SECONDS = 0.05


async def catch_up(
    redis: Redis, postgres: Postgres, partitions: Sequence[PartitionKeys], *, patience_seconds: float
) -> bool:
    """Waits until Postgres has every fact that these partitions had when this was called.

    Gives up after `patience_seconds`, and then answers False: the sync worker is behind, or Redis is away, so that
    nobody knows what is missing. Raises PostgresAway.
    """
    try:
        async with asyncio.timeout(patience_seconds):
            missing = {keys.partition: await last_position(redis, keys) for keys in partitions}
            pause = _FIRST_LOOK_SECONDS
            while missing := await _not_written(postgres, missing):
                await asyncio.sleep(pause)
                pause = min(pause * 2, _RAREST_LOOK_SECONDS)
    except Fault:
        return False
    except TimeoutError:
        log.warning("not_caught_up", partitions=len(partitions), seconds=patience_seconds)
        return False
    return True


async def _not_written(postgres: Postgres, wanted: dict[int, Position]) -> dict[int, Position]:
    """The positions that the tables have not reached."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("read_offsets"), list(wanted))
    written = {partition: Position(epoch, sequence) for partition, epoch, sequence in rows}
    return {
        partition: position
        for partition, position in wanted.items()
        if position.sequence and written.get(partition, position._replace(sequence=0)) < position
    }
