"""What the clock-driven work of `sync/` has to know of a partition."""

from typing import NamedTuple

import msgspec

from engine.client import Redis
from engine.keys import PartitionKeys
from engine.records import Record
from engine.words import AttemptState


class Unsettled(NamedTuple):
    """A reservation that waits for money to come or to go back, since `since_ms` by the clock of Redis."""

    reservation_id: str
    since_ms: int


class OpenMoney(NamedTuple):
    """Attempts that pin places, refunds that are owed, and for how long the oldest of them has waited."""

    pinned: int
    refunds_due: int
    oldest_ms: int


_RECORD = msgspec.msgpack.Decoder(Record)
_RECORDS_AT_ONCE = 500


async def server_time_ms(redis: Redis) -> int:
    """The clock of Redis, the only one that decides about holds."""
    seconds, micros = await redis.time()
    return int(seconds) * 1000 + int(micros) // 1000


async def overdue_ms(redis: Redis, keys: PartitionKeys) -> int:
    """For how long the oldest hold that ran out has not been given back; 0 if there is none."""
    oldest = await redis.zrange(keys.deadlines, 0, 0, withscores=True)
    if not oldest:
        return 0
    return max(0, await server_time_ms(redis) - int(oldest[0][1]))


async def unsettled_before(redis: Redis, keys: PartitionKeys, before_ms: int, *, limit: int) -> list[Unsettled]:
    """Reservations unsettled since before an instant, oldest first."""
    found = await redis.zrangebyscore(keys.unsettled, "-inf", before_ms, start=0, num=limit, withscores=True)
    return [Unsettled(reservation_id.decode(), int(since)) for reservation_id, since in found]


async def open_money(redis: Redis, keys: PartitionKeys) -> OpenMoney:
    """Counts what waits for money. Raises msgspec.DecodeError for a record that is damaged."""
    waiting = await redis.zrange(keys.unsettled, 0, -1, withscores=True)
    if not waiting:
        return OpenMoney(0, 0, 0)
    counts = dict.fromkeys(AttemptState, 0)
    for start in range(0, len(waiting), _RECORDS_AT_ONCE):
        rids = [rid for rid, _ in waiting[start : start + _RECORDS_AT_ONCE]]
        for packed in await redis.hmget(keys.ledger, rids):
            for attempt in _RECORD.decode(packed).attempts if packed else ():
                counts[attempt.state] += 1
    oldest_ms = max(0, await server_time_ms(redis) - int(waiting[0][1]))
    return OpenMoney(counts[AttemptState.PENDING], counts[AttemptState.REFUND_DUE], oldest_ms)
