"""The secret of keyed ids is in Redis: the same for all processes, and as long as the partition lives."""

from msgspec.structs import replace
from redis import Redis

from engine.engine import Engine
from engine.settings import Settings


async def test_all_processes_have_the_same_secrets(engine_settings: Settings) -> None:
    settings = replace(engine_settings, partitions=3)
    async with Engine(settings) as one:
        secrets = [one.id_secret(event_id) for event_id in range(3)]
        assert len(set(secrets)) == 3, "each partition has its own"
        assert one.id_secret(4) == secrets[1]
        async with Engine(settings) as other:
            assert [other.id_secret(event_id) for event_id in range(3)] == secrets
    async with Engine(settings) as later:
        assert [later.id_secret(event_id) for event_id in range(3)] == secrets


async def test_a_partition_of_an_older_release_gets_one(engine_settings: Settings) -> None:
    settings = replace(engine_settings, partitions=1)
    async with Engine(settings):
        pass
    with Redis.from_url(settings.redis_url, socket_timeout=10) as redis:
        redis.hdel("{p00}:meta", "id_secret")
    async with Engine(settings) as one, Engine(settings) as other:
        assert one.id_secret(0) == other.id_secret(0)
