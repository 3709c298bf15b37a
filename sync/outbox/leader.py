"""Which worker reads which partition: advisory locks of Postgres, all held by one connection.

The locks only spare work. The offsets ensure that nothing is written twice (sync/outbox/writer.py). So a worker that
has not noticed the loss of its connection does no harm.
"""

import asyncio

import structlog

from engine.backoff import Backoff
from engine.client import Redis
from engine.engine import Engine
from engine.settings import Settings
from engine.tracing import Tracer
from sync.metrics import SyncMetrics
from sync.outbox.reader import OutboxReader
from sync.postgres import Connection, Postgres, PostgresAway, own_connection, postgres_faults
from sync.sql import statement
from sync.upkeep.slot_retention import run_past_slots

log = structlog.get_logger(__name__)

_LOCKS = 746_560_000
"""First half of the advisory locks; the second half is the partition."""

_LOOK_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 5.0


class Leader:
    """Leads every partition that no other worker leads: runs their readers, and looks after their past."""

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        redis: Redis,
        postgres: Postgres,
        metrics: SyncMetrics,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._settings = settings
        self._redis = redis
        self._postgres = postgres
        self._metrics = metrics
        self._engine = engine
        self._keys = engine.keys
        self._seconds = settings.postgres_timeout_ms / 1000
        self._pauses = Backoff(_LONGEST_PAUSE_SECONDS)

    async def run(self) -> None:
        """Leads forever. A connection that is lost ends the readers; the next one may find other workers leading."""
        while True:
            try:
                async with own_connection(self._settings, "onsale-sync-leader") as connection:
                    await self._lead(connection)
            except* PostgresAway as away:
                self._postgres.outage.failed(away.exceptions[0])
            finally:
                self._metrics.partitions_led.set(0)
            await self._pauses.wait()

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
                        self._settings, self._redis, self._postgres, self._keys[partition], self._metrics, self._tracer
                    )
                    led.create_task(reader.run(), name=f"outbox-{partition:02}")
                    past = run_past_slots(self._settings, self._engine, self._postgres, partition)
                    led.create_task(past, name=f"past-{partition:02}")
                if rows:
                    log.info("leading", partitions=len(self._keys) - len(waiting))
                self._metrics.partitions_led.set(len(self._keys) - len(waiting))
                self._pauses.reset()
                await asyncio.sleep(_LOOK_SECONDS)
