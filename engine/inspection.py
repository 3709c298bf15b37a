"""Inspection of a partition, for the clock-driven work of `sync/`."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from engine.client import Redis
from engine.errors import OutcomeUnknown
from engine.records import Record
from engine.redis_keys import PartitionKeys
from engine.words import AttemptState


class Unsettled(NamedTuple):
    """A reservation that waits for money to come or to go back, since `since_ms` by the clock of Redis."""

    reservation_id: str
    since_ms: int


class UnsettledPayments(NamedTuple):
    """Attempts that pin places, refunds that are owed, and for how long the oldest of them has waited."""

    pinned: int
    refunds_due: int
    oldest_ms: int


class Replication(NamedTuple):
    """The replicas of a primary: by how many bytes of the replication stream each is behind. `node`: host and port."""

    node: str
    behind: list[int]


_RECORD = msgspec.msgpack.Decoder(Record)
_RECORDS_AT_ONCE = 500


async def replication_of(node: Redis) -> Replication:
    """The replicas that are connected to a primary. Raises Fault."""
    told = await node.info("replication")
    replicas = [value for name, value in told.items() if name.startswith("slave") and isinstance(value, dict)]
    written = int(told["master_repl_offset"])
    return Replication(node.name, [max(0, written - int(replica["offset"])) for replica in replicas])


async def server_time_ms(redis: Redis, keys: PartitionKeys | None = None) -> int:
    """The clock of Redis, the only one that decides about holds: that of a partition's server.

    Without a partition: the latest of all servers that answer. Raises Fault if there is none.
    """
    if keys is not None:
        return await _time_ms(redis.at(keys.meta))
    nodes = await redis.primaries()
    if len(nodes) == 1:
        return await _time_ms(nodes[0])
    told = await asyncio.gather(*map(_time_ms, nodes), return_exceptions=True)
    times = [time_ms for time_ms in told if isinstance(time_ms, int)]
    if not times:
        raise next((error for error in told if isinstance(error, Exception)), OutcomeUnknown("no server answers"))
    return max(times)


async def _time_ms(node: Redis) -> int:
    seconds, micros = await node.time()
    return int(seconds) * 1000 + int(micros) // 1000


async def overdue_ms(redis: Redis, keys: PartitionKeys) -> int:
    """The ms since the oldest unreleased hold expired; 0 if there is none."""
    oldest = await redis.zrange(keys.deadlines, 0, 0, withscores=True)
    if not oldest:
        return 0
    return max(0, await server_time_ms(redis, keys) - int(oldest[0][1]))


class Sizes(NamedTuple):
    """Entries in a partition's outbox, live holds, reservations that wait for money, and events."""

    outbox: int
    deadlines: int
    unsettled: int
    events: int


async def sizes_of(redis: Redis, keys: PartitionKeys) -> Sizes:
    """The sizes, in one call: what is empty need not be looked into. Raises Fault."""
    sized = ("XLEN", keys.outbox), ("ZCARD", keys.deadlines), ("ZCARD", keys.unsettled), ("HLEN", keys.events)
    return Sizes(*await redis.calls(sized))


async def may_be_unsettled(redis: Redis, partitions: Sequence[PartitionKeys]) -> bool:
    """False if nothing in any partition waits for money. In a cluster, where no call tells, True. Raises Fault."""
    if redis.is_cluster:
        return True
    there: int = await redis.execute_command("EXISTS", *(keys.unsettled for keys in partitions))
    return there > 0


async def oldest_unsettled(redis: Redis, keys: PartitionKeys, *, limit: int) -> list[Unsettled]:
    """Reservations that have been unsettled for longest, oldest first."""
    found = await redis.zrange(keys.unsettled, 0, limit - 1, withscores=True)
    return [Unsettled(reservation_id.decode(), int(since)) for reservation_id, since in found]


async def unsettled_payments(redis: Redis, keys: PartitionKeys) -> UnsettledPayments:
    """Counts what waits for money. Raises msgspec.DecodeError for a record that is damaged."""
    waiting = await redis.zrange(keys.unsettled, 0, -1, withscores=True)
    if not waiting:
        return UnsettledPayments(0, 0, 0)
    counts = dict.fromkeys(AttemptState, 0)
    for start in range(0, len(waiting), _RECORDS_AT_ONCE):
        rids = [rid for rid, _ in waiting[start : start + _RECORDS_AT_ONCE]]
        for packed in await redis.hmget(keys.ledger, rids):
            for attempt in _RECORD.decode(packed).attempts if packed else ():
                counts[attempt.state] += 1
    oldest_ms = max(0, await server_time_ms(redis, keys) - int(waiting[0][1]))
    return UnsettledPayments(counts[AttemptState.PENDING], counts[AttemptState.REFUND_DUE], oldest_ms)
