"""Locks of Postgres that tests hold, to make two transactions meet."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from engine.settings import Settings
from sync.postgres import Connection, own_connection
from tests.support.waiting import wait_until

T = TypeVar("T")


async def is_waited_for(connection: Connection) -> bool:
    """True while somebody waits for a lock of this connection."""
    waiting = "SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    return bool(await connection.fetch(waiting))


async def waiting_sessions(connection: Connection) -> int:
    """The number of sessions of the server that wait for a lock."""
    return int(await connection.fetchval("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted"))


@asynccontextmanager
async def locking(settings: Settings, sql: str, *arguments: object) -> AsyncIterator[Connection]:
    """A connection of its own, with the locks of a statement until the block ends."""
    async with own_connection(settings, "test") as connection, connection.transaction():
        await connection.execute(sql, *arguments)
        yield connection


async def waiting_for(connection: Connection, work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
    """Starts work, and returns as soon as it waits for a lock of this connection."""
    task = asyncio.ensure_future(work)
    await wait_until(lambda: is_waited_for(connection), what="the work waits for the lock")
    return task
