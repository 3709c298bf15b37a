"""All that is stored, to show that nothing changed."""

import asyncio
from typing import Any

import asyncpg

from engine.settings import Settings
from tests.support.redis_nodes import primaries

_TIMEOUT_SECONDS = 10


def _dumps(redis_url: str) -> dict[str, Any]:
    with primaries(redis_url) as nodes:
        return {key.decode(): redis.dump(key) for redis in nodes for key in redis.scan_iter(count=1000)}


async def take_snapshot(settings: Settings) -> dict[str, Any]:
    """Every key of Redis as it is serialized there, every row of Postgres as text."""
    stored: dict[str, Any] = {}
    stored |= await asyncio.to_thread(_dumps, settings.redis_url)
    postgres = await asyncpg.connect(settings.postgres_url, timeout=_TIMEOUT_SECONDS)
    try:
        tables = await postgres.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables:
            rows = await postgres.fetch(f'SELECT t::text FROM "{table}" AS t')  # noqa: S608  # a name from the catalogue
            stored[table] = sorted(text for (text,) in rows)
    finally:
        await postgres.close(timeout=_TIMEOUT_SECONDS)
    return stored
