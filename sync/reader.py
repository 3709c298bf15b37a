"""The reader of one partition's outbox: what it tells goes to Postgres in order, and only then leaves Redis."""

import asyncio
from collections.abc import Sequence

import structlog
from redis.exceptions import RedisError

from engine.client import Redis
from engine.faults import EngineError
from engine.keys import PartitionKeys
from engine.outbox import Entry, Position, last_position, read_outbox, trim_outbox
from engine.settings import Settings
from sync.metrics import SyncMetrics
from sync.outbox_to_tables import Batch, OffsetMoved, batches, read_offset, write_batch
from sync.pauses import Pauses
from sync.postgres import Postgres, PostgresAway

log = structlog.get_logger(__name__)

_FACTS_PER_TRANSACTION = 4000
_BYTES_AT_ONCE = 2_000_000
_ENTRIES_AT_FIRST = 16
_LONGEST_PAUSE_SECONDS = 2.0


class OutboxBroken(Exception):
    """Entries are missing: writing what comes after would hide that. Nothing is written until a person has looked."""


def without_gap(after: Position, entries: Sequence[Entry]) -> list[Entry]:
    """The first entries, up to the first gap."""
    whole: list[Entry] = []
    for entry in entries:
        if not entry.position.is_next_of(after):
            break
        whole.append(entry)
        after = entry.position
    return whole


def next_limit(limit: int, entries: Sequence[Entry], most: int) -> int:
    """How many entries to read after these, of which `limit` were asked for: `most` at most, about 2 MB of their like.

    An entry has the facts of one call, be it one or hundreds, and after an outage there are many of them.
    """
    if not entries:
        return limit
    if len(entries) == limit:  # there may be more
        limit *= 2
    size = sum(len(entry.payload) + len(entry.bookings) for entry in entries)
    return max(1, min(most, limit, _BYTES_AT_ONCE * len(entries) // max(1, size)))


class OutboxReader:
    """Writes one partition's outbox to Postgres. Safe beside another reader of the same partition, only slower."""

    def __init__(
        self, settings: Settings, redis: Redis, postgres: Postgres, keys: PartitionKeys, metrics: SyncMetrics
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._postgres = postgres
        self._keys = keys
        self._metrics = metrics
        self._log = log.bind(partition=keys.partition)
        self._stopped = metrics.stopped.labels(f"{keys.partition:02}")
        self._redis_seconds = settings.command_timeout_ms / 1000
        self._facts_limit = _FACTS_PER_TRANSACTION
        self._entries_limit = min(settings.sync_batch_entries, _ENTRIES_AT_FIRST)
        self._pauses = Pauses(_LONGEST_PAUSE_SECONDS)

    async def run(self) -> None:
        """Reads for ever. Outlives Redis and Postgres: what they missed is read when they are back."""
        while True:
            try:
                await self._follow(await self._committed())
            except OffsetMoved as moved:
                self._log.info("offset_moved", reason=str(moved))
            except PostgresAway as away:
                self._log.warning("postgres_away", error=str(away))
            except OutboxBroken as broken:
                self._stopped.set(1)
                self._log.error("outbox_broken", error=str(broken), remedy="run 'onsale audit'")
            except (RedisError, OSError, EngineError) as error:  # OSError: TimeoutError too
                self._log.warning("redis_away", error=repr(error))
            await self._pauses.wait()

    async def _committed(self) -> Position:
        async with self._postgres.connection() as connection:
            return await read_offset(connection, self._keys.partition)

    async def _follow(self, position: Position) -> None:
        """Reads on from a committed position, for ever."""
        await self._check_not_behind(position)
        # A worker may have died between commit and trim.
        await self._trim(position)
        while True:
            entries = await self._read(position)
            whole = without_gap(position, entries)
            if entries and not whole:
                raise OutboxBroken(f"after {position} comes {entries[0].position}")
            for batch in batches(whole, self._facts_limit):
                await self._write(position, batch)
                position = batch.last
                await self._trim(position)
            if not entries:
                await self._check_not_behind(position)
            self._stopped.set(0)
            self._pauses.reset()

    async def _read(self, after: Position) -> list[Entry]:
        block_ms, limit = self._settings.sync_poll_ms, self._entries_limit
        try:
            async with asyncio.timeout(self._redis_seconds + block_ms / 1000):
                entries = await read_outbox(self._redis, self._keys, after, limit=limit, block_ms=block_ms)
        except TimeoutError:
            # Perhaps it was too much for the time that it has.
            self._entries_limit = max(1, limit // 2)
            raise
        self._entries_limit = next_limit(limit, entries, self._settings.sync_batch_entries)
        return entries

    async def _write(self, before: Position, batch: Batch) -> None:
        """One transaction: rows and offset. What fails is tried again with half as many facts."""
        if batch.last.epoch != before.epoch and before.epoch:
            self._log.error(
                "outbox_epoch_changed",
                before=str(before),
                now=str(batch.last),
                consequence="Redis was emptied or replaced; what its outbox had not told Postgres is lost",
                remedy="run 'onsale audit'",
            )
        try:
            async with self._postgres.transaction() as connection:
                written = await write_batch(connection, self._keys.partition, before, batch)
        except PostgresAway:
            # Perhaps it was too much for the time that it has.
            self._facts_limit = max(1, self._facts_limit // 2)
            raise
        self._facts_limit = min(_FACTS_PER_TRANSACTION, self._facts_limit * 2)
        self._metrics.batches.inc()
        self._metrics.facts.inc(written.facts)
        self._metrics.dead_letters.inc(written.dead)

    async def _trim(self, committed: Position) -> None:
        async with asyncio.timeout(self._redis_seconds):
            await trim_outbox(self._redis, self._keys, committed)

    async def _check_not_behind(self, committed: Position) -> None:
        """Raises if Redis has forgotten entries that Postgres has: it would give their numbers to other facts."""
        async with asyncio.timeout(self._redis_seconds):
            last = await last_position(self._redis, self._keys)
        if last < committed:
            raise OutboxBroken(f"Redis is at {last}, Postgres has {committed}: Redis was set back")
