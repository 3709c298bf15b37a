"""All that is stored, to show that nothing changed."""

from typing import Any

import asyncpg
from redis.asyncio import Redis

from engine.settings import Settings

_TIMEOUT_SECONDS = 10


async def take_snapshot(settings: Settings) -> dict[str, Any]:
    """Every key of Redis as it is serialized there, every row of Postgres as text."""
    stored: dict[str, Any] = {}
    async with Redis.from_url(settings.redis_url, socket_timeout=_TIMEOUT_SECONDS) as redis:
        async for key in redis.scan_iter(count=1000):
            stored[key.decode()] = await redis.dump(key)
    postgres = await asyncpg.connect(settings.postgres_url, timeout=_TIMEOUT_SECONDS)
    try:
        tables = await postgres.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            rows = await postgres.fetch(f'SELECT t::text FROM "{table}" AS t')  # noqa: S608  # a name from the catalogue
            stored[table] = sorted(text for (text,) in rows)
    finally:
        await postgres.close(timeout=_TIMEOUT_SECONDS)
    return stored
