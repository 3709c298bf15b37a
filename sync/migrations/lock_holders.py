"""Sessions that hold locks of tables, for which a migration waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg

CONNECT_SECONDS = 10
_LOOK_SECONDS = 0.1

_HOLDERS = """
SELECT
  blocking.pid,
  CASE blocking.pid WHEN 0 THEN 'a prepared transaction' ELSE coalesce(a.usename, 'Postgres itself') END AS username,
  coalesce(nullif(a.application_name, ''), 'unnamed') AS program,
  coalesce(a.state, 'busy') AS state,
  coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::integer AS seconds
FROM unnest(pg_blocking_pids($1)) AS blocking (pid) LEFT JOIN pg_stat_activity AS a ON a.pid = blocking.pid
ORDER BY a.xact_start
"""


@asynccontextmanager
async def watching(postgres_url: str, pid: int, holders: list[asyncpg.Record]) -> AsyncIterator[None]:
    """Keeps in `holders` the sessions that another one waits for, or waited for at last, until the block ends."""
    watch = asyncio.create_task(_watch(postgres_url, pid, holders))
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.wait([watch])


async def _watch(postgres_url: str, pid: int, holders: list[asyncpg.Record]) -> None:
    # It only helps to tell. Where it fails, the migration meets the trouble itself.
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await asyncpg.connect(postgres_url, timeout=CONNECT_SECONDS, command_timeout=CONNECT_SECONDS)
        try:
            while True:
                holders[:] = await connection.fetch(_HOLDERS, pid) or holders
                await asyncio.sleep(_LOOK_SECONDS)
        finally:
            connection.terminate()


def told(holder: asyncpg.Record) -> str:
    """A session in words."""
    return "{pid} ({username}, {program}, {state} for {seconds} s)".format(**holder)
