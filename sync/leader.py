"""Which worker reads which partition: advisory locks of Postgres, all held by one connection.

The locks only spare work. That nothing is written twice is up to the offsets (sync/outbox_to_tables.py), so a worker
that does not know yet that it lost its connection does no harm.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import structlog

from engine.client import Redis
from engine.engine import Engine
from engine.settings import Settings
from sync.metrics import SyncMetrics
from sync.past_slots import run_past_slots
from sync.pauses import Pauses
from sync.postgres import Connection, Postgres, PostgresAway, postgres_faults
from sync.reader import OutboxReader
from sync.sql import statement

log = structlog.get_logger(__name__)

_LOCKS = 746_560_000
"""First half of the advisory locks; the second half is the partition."""

_LOOK_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 5.0


class Leader:
    """Leads every partition that no other worker leads: runs their readers, and looks after their past."""

    def __init__(
        self, settings: Settings, engine: Engine, redis: Redis, postgres: Postgres, metrics: SyncMetrics
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._postgres = postgres
        self._metrics = metrics
        self._engine = engine
        self._keys = engine.keys
        self._seconds = settings.postgres_timeout_ms / 1000
        self._pauses = Pauses(_LONGEST_PAUSE_SECONDS)

    async def run(self) -> None:
        """Leads for ever. A connection that is lost ends the readers; the next one may find other workers leading."""
        while True:
            try:
                async with self._connection() as connection:
                    await self._lead(connection)
            except* PostgresAway as away:
                log.warning("not_leading", error=str(away.exceptions[0]))
            finally:
                self._metrics.partitions_led.set(0)
            await self._pauses.wait()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        """A connection of its own: its locks must not go back to a pool. Postgres drops it when this host is gone."""
        async with postgres_faults(self._seconds):
            connection: Connection = await asyncpg.connect(
                self._settings.postgres_url,
                timeout=self._settings.connect_timeout_ms / 1000,
                command_timeout=self._seconds,
                server_settings={
                    "application_name": "onsale-sync-leader",
                    "tcp_keepalives_idle": "5",
                    "tcp_keepalives_interval": "2",
                    "tcp_keepalives_count": "3",
                },
            )
        try:
            yield connection
        finally:
            connection.terminate()

    async def _lead(self, connection: Connection) -> None:
        """Looks again and again for partitions that nobody leads. Raises PostgresAway in a group."""
        waiting = {keys.partition for keys in self._keys}
        async with asyncio.TaskGroup() as led:
            while True:
                async with postgres_faults(self._seconds):
                    rows = await connection.fetch(statement("lock_partitions"), _LOCKS, sorted(waiting))
                for (partition,) in rows:
                    waiting.remove(partition)
                    reader = OutboxReader(
                        self._settings, self._redis, self._postgres, self._keys[partition], self._metrics
                    )
                    led.create_task(reader.run(), name=f"outbox-{partition:02}")
                    past = run_past_slots(self._settings, self._engine, self._postgres, partition)
                    led.create_task(past, name=f"past-{partition:02}")
                if rows:
                    log.info("leading", partitions=len(self._keys) - len(waiting))
                self._metrics.partitions_led.set(len(self._keys) - len(waiting))
                self._pauses.reset()
                await asyncio.sleep(_LOOK_SECONDS)
