"""What the clock-driven work of `sync/` has to know of a partition."""

from typing import NamedTuple

from engine.client import Redis
from engine.keys import PartitionKeys


class Unsettled(NamedTuple):
    """A reservation that waits for money to come or to go back, since `since_ms` by the clock of Redis."""

    reservation_id: str
    since_ms: int


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
