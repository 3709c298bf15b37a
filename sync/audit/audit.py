"""The audit: whether all holds that is promised, in Redis and between Redis and Postgres.

Exact also while sales go on. The tables of a partition are locked, while the partition and its outbox are read at one
instant. So the audit also knows the facts that Postgres does not have yet.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, cast

import msgspec
from redis.asyncio import Redis as RedisClient

from engine.client import Redis
from engine.ids import event_of
from engine.opening import opened_redis
from engine.outbox import BEGINNING, Position
from engine.records import Record
from engine.redis_keys import PartitionKeys, partition_of
from engine.settings import Settings
from sync.audit.comparison import compare
from sync.audit.doors import door_breaches
from sync.audit.invariants import breaches
from sync.audit.log_chains import broken_chains
from sync.audit.money import compare_gateway, wrong_sums
from sync.audit.rooms import room_breaches
from sync.audit.snapshot import read_snapshot
from sync.outbox.writer import read_offset
from sync.postgres import Postgres
from sync.read_models.reservations import read_records
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


async def audit(settings: Settings, *, asks_gateway: bool = False) -> list[str]:
    """Breaches, one sentence each; none if all is well. Changes nothing.

    `asks_gateway`: the gateway is asked about each charge, too, while nothing is sold or refunded.

    Raises PostgresAway, Fault, redis.RedisError or OSError if a server cannot be asked. Raises ValueError for what is
    stored in Redis and cannot be decoded.
    """
    patient = msgspec.structs.replace(settings, postgres_timeout_ms=_STEP_SECONDS * 1000)
    async with Postgres(patient) as postgres, opened_redis(settings, 4, timeout_seconds=_STEP_SECONDS) as redis:
        found: list[str] = []
        written: dict[int, Position] = {}
        for keys in redis.partition_keys(settings.partitions):
            found += await _audit_partition(redis, postgres, settings, keys, written)
        found += await _audit_sync(postgres, written)
        found += await _audit_archive(redis, postgres, settings)
        async with postgres.connection() as connection:
            found += await broken_chains(connection)
        if asks_gateway:
            found += await compare_gateway(settings, postgres)
        return found


async def _audit_partition(
    redis: Redis, postgres: Postgres, settings: Settings, keys: PartitionKeys, written: dict[int, Position]
) -> list[str]:
    """One partition; puts the position that Postgres has to reach into `written`."""
    partition = keys.partition
    async with postgres.transaction() as connection:
        await connection.execute(statement("insert_offset"), partition)
        (offset,) = await connection.fetch(statement("lock_offset"), partition)
        committed = Position(*offset)
        async with asyncio.timeout(_STEP_SECONDS):
            snapshot = await read_snapshot(redis.at(keys.meta), keys)
        if snapshot is None:
            return [f"partition {partition} was never initialised"] if committed > BEGINNING else []
        if snapshot.last.sequence:
            written[partition] = snapshot.last
        return [
            *breaches(snapshot, settings.partitions),
            *door_breaches(snapshot),
            *room_breaches(snapshot),
            *await compare(connection, snapshot, committed, settings.partitions),
            *await wrong_sums(connection, settings.partitions, partition),
        ]


async def _audit_sync(postgres: Postgres, written: Mapping[int, Position]) -> list[str]:
    """Check that Postgres receives in time everything that Redis had at the time of the look."""
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
    """Check that hold keys are in order, and that ended reservations are the same in Postgres."""
    found: list[str] = []
    partitions = redis.partition_keys(settings.partitions)
    for node in await redis.primaries():
        suspects: list[str] = []
        rids: list[str] = []
        async for key in node.scan_iter("{p*}:hold:*", count=_AT_ONCE):
            rid = key.decode().partition(":hold:")[2]
            if event_of(rid) is None or key.decode() != _hold_key(rid, partitions):
                found.append(f"nobody knows the key {key!r}")
            else:
                rids.append(rid)
            if len(rids) == _AT_ONCE:
                suspects += await _differing(node, postgres, partitions, rids)
                rids.clear()
        suspects += await _differing(node, postgres, partitions, rids)
        found += await _still_differing(node, postgres, partitions, suspects)
    return found


async def _still_differing(
    redis: Redis, postgres: Postgres, partitions: Sequence[PartitionKeys], suspects: list[str]
) -> list[str]:
    """Of reservations that differed at a look while sales go on, those that do so after all."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + _PATIENCE_SECONDS
    while suspects and clock() < deadline:
        await asyncio.sleep(_LOOK_SECONDS)
        again: list[str] = []
        for start in range(0, len(suspects), _AT_ONCE):
            again += await _differing(redis, postgres, partitions, suspects[start : start + _AT_ONCE])
        suspects = again
    return [f"5: {rid}: its hold key has no TTL, or another record than Postgres" for rid in suspects]


async def _differing(
    redis: Redis, postgres: Postgres, partitions: Sequence[PartitionKeys], rids: list[str]
) -> list[str]:
    """Reservations whose hold key has no TTL, or an archived record other than that in Postgres."""
    if not rids:
        return []
    async with asyncio.timeout(_STEP_SECONDS), cast("RedisClient", redis).pipeline(transaction=False) as reads:
        for rid in rids:
            reads.get(_hold_key(rid, partitions))
            reads.pttl(_hold_key(rid, partitions))
        answers: list[Any] = await reads.execute()
    async with postgres.connection() as connection:
        stored = await read_records(connection, rids)
    differing = []
    for rid, value, ttl_ms in zip(rids, answers[::2], answers[1::2], strict=True):
        archived = value not in {None, _HELD_MARK}
        if ttl_ms == _NEVER or (archived and stored.get(rid) != _RECORD.decode(value)):
            differing.append(rid)
    return differing


def _hold_key(rid: str, partitions: Sequence[PartitionKeys]) -> str:
    event_id = event_of(rid)
    if event_id is None:
        raise ValueError(f"not a reservation id: {rid!r}")
    return partitions[partition_of(event_id, len(partitions))].hold(rid)
