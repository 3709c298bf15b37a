"""A Redis that loses everything once Postgres has it."""

from redis import Redis

from engine.settings import Settings
from sync.outbox.leader import Leader
from tests.support.sync.box_office import BoxOffice, running
from tests.support.waiting import wait_until


async def written(office: BoxOffice) -> None:
    """Returns when Postgres has all facts, and the secrets of all partitions."""
    redis, partitions = office.engine.redis, office.engine.keys

    async def nothing_is_left() -> bool:
        if any([await redis.xlen(keys.outbox) for keys in partitions]):
            return False
        secrets = [await redis.hget(keys.meta, "id_secret") for keys in partitions]
        async with office.postgres.connection() as connection:
            kept: int = await connection.fetchval("SELECT count(*) FROM outbox_offsets WHERE id_secret <> ''")
        return kept == sum(map(bool, secrets))

    leader = Leader(office.settings, office.engine, office.engine.redis, office.postgres, office.metrics)
    async with running(leader.run()):
        await wait_until(nothing_is_left, 60, "all is written")


def empty(settings: Settings) -> None:
    """Takes away all keys, and the library."""
    with Redis.from_url(settings.redis_url) as redis:
        redis.flushall()
        redis.function_flush()
