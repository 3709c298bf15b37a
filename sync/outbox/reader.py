"""The reader of one partition's outbox: what it tells goes to Postgres in order, and only then leaves Redis."""

import asyncio
from collections.abc import Sequence

import structlog

from engine.backoff import Backoff
from engine.client import Redis
from engine.errors import EngineError, Fault, OutcomeUnknown
from engine.inspection import server_time_ms
from engine.outbox import Entry, Position, last_position, read_confirmed, read_outbox, trim_outbox
from engine.redis_keys import PartitionKeys
from engine.settings import Settings
from engine.tracing import Tracer, within
from sync.metrics import SyncMetrics
from sync.outbox.writer import Batch, OffsetMoved, batches, open_offset, write_batch
from sync.postgres import Postgres, PostgresAway
from sync.sql import statement

log = structlog.get_logger(__name__)

_FACTS_PER_TRANSACTION = 4000
_BYTES_AT_ONCE = 2_000_000
_ENTRIES_AT_FIRST = 16
_LONGEST_PAUSE_SECONDS = 2.0

GATHER_SECONDS = 0.04
"""After a read that found all of the outbox, the next one begins so much later: it finds more for one transaction."""

IDLE_POLLS = 4
"""An idle reader waits for that many times `sync_poll_ms`: news end the wait, and polls are what being idle costs."""

_IDLE_POLLS_PER_CHECK = 2
"""Polls that find nothing, the first of which looks whether Redis was set back: that costs as much as a poll."""


class OutboxBroken(Exception):
    """Entries are missing: writing what comes after would hide that. Nothing is written until a person has looked."""


def without_gap(after: Position, entries: Sequence[Entry]) -> list[Entry]:
    """The first entries, up to the first gap."""
    whole: list[Entry] = []
    for entry in entries:
        if not entry.follows(after):
            break
        whole.append(entry)
        after = entry.position
    return whole


def next_limit(limit: int, entries: Sequence[Entry], most: int) -> int:
    """The number of entries to read after these, of which `limit` were requested.

    At most `most`, and about 2 MB of entries of that size.

    An entry has the facts of one call, be it one or hundreds, and after an outage there are many of them.
    """
    if not entries:
        return limit
    if len(entries) == limit:  # there may be more
        limit *= 2
    size = sum(
        len(entry.payload)
        + len(entry.bookings)
        + len(entry.etickets)
        + len(entry.scans)
        + len(entry.waiting)
        + len(entry.queues)
        for entry in entries
    )
    return max(1, min(most, limit, _BYTES_AT_ONCE * len(entries) // max(1, size)))


def _missing(known: Position, first: Entry) -> str:
    """Both ends of what is missing between Postgres, which is at `known`, and the first entry after that."""
    if first.position.epoch == known.epoch or first.position.sequence > 1:
        return f"Postgres has all up to {known}, the outbox goes on with {first.position}: what is between is lost"
    return (
        f"Postgres has all up to {known}, but the server that began {first.position} knew all up to {first.before}: "
        + ("Postgres has what Redis lost" if first.before < known else "Redis has what Postgres never got")
    )


class OutboxReader:
    """Writes one partition's outbox to Postgres. Safe beside another reader of the same partition, only slower."""

    def __init__(
        self,
        settings: Settings,
        redis: Redis,
        postgres: Postgres,
        keys: PartitionKeys,
        metrics: SyncMetrics,
        tracer: Tracer | None = None,
    ) -> None:
        self._tracer = tracer
        self._settings = settings
        self._redis = redis
        self._postgres = postgres
        self._keys = keys
        self._metrics = metrics
        self._log = log.bind(partition=keys.partition)
        self._stopped = metrics.stopped.labels(f"{keys.partition:02}")
        self._facts_limit = _FACTS_PER_TRANSACTION
        self._entries_limit = min(settings.sync_batch_entries, _ENTRIES_AT_FIRST)
        self._pauses = Backoff(_LONGEST_PAUSE_SECONDS)

    async def run(self) -> None:
        """Reads forever. Outlives Redis and Postgres: what they missed is read when they are back."""
        while True:
            try:
                await self._follow(await self._committed())
            except OffsetMoved as moved:
                self._log.info("offset_moved", reason=str(moved))
            except OutboxBroken as broken:
                self._stopped.set(1)
                self._log.error("outbox_broken", error=str(broken), remedy="run 'onsale audit'")
            except (PostgresAway, Fault):  # logged by the outages of their clients
                pass
            except EngineError as error:
                self._log.error("outbox_unreadable", error=repr(error))
            await self._pauses.wait()

    async def _committed(self) -> Position:
        async with self._postgres.connection() as connection:
            return await open_offset(connection, self._keys.partition)

    async def _keep_id_secret(self) -> None:
        """Postgres has what a restore of the partition needs."""
        secret = await self._redis.hget(self._keys.meta, "id_secret")
        if secret:
            async with self._postgres.connection() as connection:
                await connection.execute(statement("keep_id_secret"), self._keys.partition, secret.decode())

    async def _follow(self, position: Position) -> None:
        """Reads on from a committed position, forever."""
        await self._check_position(position)
        await self._keep_id_secret()
        # A worker may have died between commit and trim.
        await self._trim(position)
        idle = 0
        loop = asyncio.get_running_loop()
        while True:
            limit = self._entries_limit
            entries = await self._read(position, self._settings.sync_poll_ms * (IDLE_POLLS if idle else 1))
            began = loop.time()
            whole = without_gap(position, entries)
            if entries and not whole:
                if await self._committed() != position:
                    raise OffsetMoved(f"another worker has written what came after {position}")
                raise OutboxBroken(_missing(position, entries[0]))
            for batch in batches(whole, self._facts_limit):
                if self._tracer is None or not batch.traces:
                    await self._write(position, batch)
                else:
                    attributes = {"onsale.partition": self._keys.partition, "onsale.facts": len(batch.told)}
                    with within(self._tracer.begin_write(batch.traces, attributes)):
                        await self._write(position, batch)
                position = batch.last
                await self._trim(position)
            idle = 0 if entries else idle + 1
            if idle % _IDLE_POLLS_PER_CHECK == 1:
                await self._check_position(position)
            self._stopped.set(0)
            self._pauses.reset()
            if 0 < len(entries) < limit:
                await asyncio.sleep(began + GATHER_SECONDS - loop.time())

    async def _read(self, after: Position, block_ms: int) -> list[Entry]:
        limit = self._entries_limit
        try:
            entries = await self._read_entries(after, limit, block_ms)
        except OutcomeUnknown:
            # Perhaps it was too much for the time that it has.
            self._entries_limit = max(1, limit // 2)
            raise
        self._entries_limit = next_limit(limit, entries, self._settings.sync_batch_entries)
        return entries

    async def _read_entries(self, after: Position, limit: int, block_ms: int) -> list[Entry]:
        """Read entries once the required replicas have them: no failover may lose what Postgres has."""
        acks = self._settings.replica_acks
        entries = await read_outbox(self._redis, self._keys, after, limit=1 if acks else limit, block_ms=block_ms)
        if not acks or not entries:
            return entries
        timeout_ms = self._settings.replica_timeout_ms
        return await read_confirmed(self._redis, self._keys, after, limit=limit, acks=acks, timeout_ms=timeout_ms)

    async def _write(self, before: Position, batch: Batch) -> None:
        """One transaction: rows and offset. What fails is tried again with half as many facts."""
        if batch.last.epoch != before.epoch and before.epoch:
            self._log.info("outbox_epoch_begun", before=str(before), now=str(batch.last))
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
        await trim_outbox(self._redis, self._keys, committed)

    async def _check_position(self, committed: Position) -> None:
        """Raises if Redis has forgotten entries that Postgres has: it would give their numbers to other facts.

        If Postgres has all, or there was never an entry, this is noted: analysts load what is complete.
        """
        now_ms = await server_time_ms(self._redis, self._keys)
        last = await last_position(self._redis, self._keys)
        if last < committed:
            raise OutboxBroken(f"Redis is at {last}, Postgres has {committed}: Redis was set back")
        if last == committed or not last.sequence:
            async with self._postgres.connection() as connection:
                await connection.execute(statement("mark_complete"), self._keys.partition, *committed, now_ms)
