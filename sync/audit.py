"""The audit: whether all holds that is promised, in Redis and between Redis and Postgres.

Exact also while sales go on: the tables of a partition are kept from moving while the partition is read at one instant
together with its outbox, so what Postgres does not have yet is known too.
"""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, cast

import msgspec
from redis.asyncio import Redis as RedisClient

from engine.client import Redis
from engine.ids import event_of
from engine.keys import PartitionKeys, partition_of
from engine.outbox import BEGINNING, Position
from engine.records import Record
from engine.server import connect
from engine.settings import Settings
from sync.comparison import compare
from sync.invariants import breaches
from sync.outbox_to_tables import read_offset
from sync.postgres import Postgres
from sync.reservations import read_records
from sync.snapshot import read_snapshot
from sync.sql import statement

_STEP_SECONDS = 120
"""Time for one look at a whole partition."""

_PATIENCE_SECONDS = 10
"""Time for the sync worker to write what was in the outboxes."""

_LOOK_SECONDS = 0.2
_AT_ONCE = 1000
_HELD_MARK = b"held"
_NEVER = -1

_RECORD = msgspec.msgpack.Decoder(Record)


async def audit(settings: Settings) -> list[str]:
    """Breaches, one sentence each; none if all is well. Changes nothing.

    Raises PostgresAway, redis.RedisError or OSError if a server cannot be asked, and ValueError for what is stored in
    Redis and cannot be decoded.
    """
    patient = msgspec.structs.replace(settings, postgres_timeout_ms=_STEP_SECONDS * 1000)
    async with Postgres(patient) as postgres, aclosing(connect(settings, 4)) as redis:
        found: list[str] = []
        written: dict[int, Position] = {}
        for partition in range(settings.partitions):
            found += await _audit_partition(redis, postgres, settings, partition, written)
        found += await _audit_sync(postgres, written)
        found += await _audit_archive(redis, postgres, settings)
        return found


async def _audit_partition(
    redis: Redis, postgres: Postgres, settings: Settings, partition: int, written: dict[int, Position]
) -> list[str]:
    """One partition; puts the position that Postgres has to reach into `written`."""
    async with postgres.transaction() as connection:
        await connection.execute(statement("insert_offset"), partition)
        (offset,) = await connection.fetch(statement("lock_offset"), partition)
        committed = Position(*offset)
        async with asyncio.timeout(_STEP_SECONDS):
            snapshot = await read_snapshot(redis, PartitionKeys(partition))
        if snapshot is None:
            return [f"partition {partition} was never initialised"] if committed > BEGINNING else []
        if snapshot.last.sequence:
            written[partition] = snapshot.last
        return [
            *breaches(snapshot, settings.partitions),
            *await compare(connection, snapshot, committed, settings.partitions),
        ]


async def _audit_sync(postgres: Postgres, written: Mapping[int, Position]) -> list[str]:
    """Whether Postgres gets in time what Redis had at the time of the look."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _PATIENCE_SECONDS
    while True:
        async with postgres.connection() as connection:
            offsets = {partition: await read_offset(connection, partition) for partition in written}
        behind = [partition for partition, position in written.items() if offsets[partition] < position]
        if not behind:
            return []
        if clock() > deadline:
            return [
                f"sync has not caught up: partition {partition} is at {offsets[partition]} in Postgres, "
                f"at {written[partition]} in Redis; is the worker running?"
                for partition in behind
            ]
        await asyncio.sleep(_LOOK_SECONDS)


async def _audit_archive(redis: Redis, postgres: Postgres, settings: Settings) -> list[str]:
    """Whether the hold keys are in order, and ended reservations the same in Postgres."""
    found: list[str] = []
    suspects: list[str] = []
    rids: list[str] = []
    scan = redis.scan_iter("{p*}:hold:*", count=_AT_ONCE)
    async for key in scan:
        rid = key.decode().partition(":hold:")[2]
        if event_of(rid) is None or key.decode() != _hold_key(rid, settings):
            found.append(f"nobody knows the key {key!r}")
        else:
            rids.append(rid)
        if len(rids) == _AT_ONCE:
            suspects += await _differing(redis, postgres, settings, rids)
            rids.clear()
    suspects += await _differing(redis, postgres, settings, rids)
    return found + await _still_differing(redis, postgres, settings, suspects)


async def _still_differing(redis: Redis, postgres: Postgres, settings: Settings, suspects: list[str]) -> list[str]:
    """Of reservations that differed at a look while sales go on, those that do so after all."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _PATIENCE_SECONDS
    while suspects and clock() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
        again: list[str] = []
        for start in range(0, len(suspects), _AT_ONCE):
            again += await _differing(redis, postgres, settings, suspects[start : start + _AT_ONCE])
        suspects = again
    return [f"5: {rid}: its hold key has no TTL, or another record than Postgres" for rid in suspects]


async def _differing(redis: Redis, postgres: Postgres, settings: Settings, rids: list[str]) -> list[str]:
    """Reservations whose hold key has no TTL, or an archived record other than that in Postgres."""
    if not rids:
        return []
    async with asyncio.timeout(_STEP_SECONDS), cast("RedisClient", redis).pipeline(transaction=False) as reads:
        for rid in rids:
            reads.get(_hold_key(rid, settings))
            reads.pttl(_hold_key(rid, settings))
        answers: list[Any] = await reads.execute()
    async with postgres.connection() as connection:
        stored = await read_records(connection, rids)
    differing = []
    for rid, value, ttl_ms in zip(rids, answers[::2], answers[1::2], strict=True):
        archived = value not in {None, _HELD_MARK}
        if ttl_ms == _NEVER or (archived and stored.get(rid) != _RECORD.decode(value)):
            differing.append(rid)
    return differing


def _hold_key(rid: str, settings: Settings) -> str:
    event_id = event_of(rid)
    if event_id is None:
        raise ValueError(f"not a reservation id: {rid!r}")
    return PartitionKeys(partition_of(event_id, settings.partitions)).hold(rid)
