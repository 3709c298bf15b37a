"""A Redis that loses everything once Postgres has it."""

from redis import Redis

from engine.settings import Settings
from sync.outbox.leader import Leader
from tests.support.sync.box_office import BoxOffice, running
from tests.support.waiting import wait_until


async def written(office: BoxOffice) -> None:
    """Returns when Postgres has all facts."""

    async def nothing_is_left() -> bool:
        lengths = [await office.engine.redis.xlen(keys.outbox) for keys in office.engine.keys]
        return not any(lengths)

    leader = Leader(office.settings, office.engine, office.engine.redis, office.postgres, office.metrics)
    async with running(leader.run()):
        await wait_until(nothing_is_left, 60, "all is written")


def empty(settings: Settings) -> None:
    """Takes away all keys, and the library."""
    with Redis.from_url(settings.redis_url) as redis:
        redis.flushall()
        redis.function_flush()
