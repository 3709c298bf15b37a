from collections.abc import Iterator

import pytest
from redis import Redis

from engine.settings import Settings


@pytest.fixture
def unsynced_settings(engine_settings: Settings) -> Iterator[Settings]:
    """A server that does not wait for its disk: for tests of what is decided, in many small steps."""
    with Redis.from_url(engine_settings.redis_url, socket_timeout=10) as redis:
        redis.config_set("appendfsync", "no")
        yield engine_settings
        redis.config_set("appendfsync", "always")
