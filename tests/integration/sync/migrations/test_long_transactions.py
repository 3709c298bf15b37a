"""A migration beside a transaction that does not end, such as a report that somebody reads all day."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from structlog.testing import capture_logs

import sync.migrations
from cli.dev.embedded import EmbeddedPostgres
from cli.errors import UserError
from cli.migrate import migrate_database
from sync.migrations import migrate
from sync.migrations.lock_holders import _HOLDERS
from tests.support.waiting import wait_until

_BEFORE = "0028"
_CHANGED = "SELECT count(*) FROM reporting.sales_by_ticket"
"""A view that the migration after it replaces."""

_TIMEOUT_SECONDS = 10


@pytest.fixture
async def url(postgres: EmbeddedPostgres) -> AsyncIterator[str]:
    """A database that has migrations before it."""
    name = "long_transactions"
    url = await asyncio.to_thread(postgres.ensure_database, name)
    await asyncio.to_thread(migrate, url, _BEFORE)
    yield url
    connection = await asyncpg.connect(postgres.url(), timeout=_TIMEOUT_SECONDS)
    await connection.execute(f"DROP DATABASE {name} WITH (FORCE)", timeout=_TIMEOUT_SECONDS)
    await connection.close(timeout=_TIMEOUT_SECONDS)


@pytest.fixture
async def reader(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(
        url, timeout=_TIMEOUT_SECONDS, command_timeout=_TIMEOUT_SECONDS, server_settings={"application_name": "report"}
    )
    yield connection
    connection.terminate()


async def test_it_gives_up_and_names_the_session_that_is_in_its_way(
    url: str, reader: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And it can be run again."""
    monkeypatch.setattr(sync.migrations, "_LOCK_MS", 500)
    monkeypatch.setattr(sync.migrations, "_PAUSE_SECONDS", 0)
    monkeypatch.setattr(sync.migrations, "_ATTEMPTS", 2)
    transaction = reader.transaction()
    await transaction.start()
    await reader.execute(_CHANGED)
    with pytest.raises(UserError) as given_up:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            await asyncio.to_thread(migrate_database, url)
    pid, message = reader.get_server_pid(), str(given_up.value)
    assert f"{pid} (postgres, report, idle in transaction for " in message
    assert f"`SELECT pg_terminate_backend({pid})`; then run it again" in message
    await reader.execute(_CHANGED)  # nobody waits in front of it
    await transaction.rollback()
    await asyncio.to_thread(migrate_database, url)
    await asyncio.to_thread(migrate_database, url)


async def test_sessions_without_a_user_are_not_taken_for_prepared_transactions(url: str) -> None:
    """As a vacuum against wraparound, which does not make way for a migration."""
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS, command_timeout=_TIMEOUT_SECONDS)
    pid = await connection.fetchval("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")
    rows = await connection.fetch(_HOLDERS.replace("pg_blocking_pids($1)", "$1::integer[]"), [pid, 0])
    connection.terminate()
    assert {row["pid"]: row["username"] for row in rows} == {pid: "Postgres itself", 0: "a prepared transaction"}


async def test_it_goes_on_once_the_session_has_ended(
    url: str, reader: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others have their turn between its attempts."""
    monkeypatch.setattr(sync.migrations, "_LOCK_MS", 500)
    with capture_logs() as logs:
        async with reader.transaction():
            await reader.execute(_CHANGED)
            migrating = asyncio.ensure_future(asyncio.to_thread(migrate_database, url))
            await wait_until(lambda: logs, what="the first attempt gives up")
        await migrating
    assert [(line["event"], line["attempt"]) for line in logs] == [("migration_waits", 1)]
    assert [session.split()[0] for session in logs[0]["sessions"]] == [str(reader.get_server_pid())]
