"""The schema of Postgres and how a database gets there: Alembic runs the revisions, their SQL stands beside them."""

import asyncio
from pathlib import Path
from typing import TypeVar

import asyncpg
import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from sync.migrations.lock_holders import CONNECT_SECONDS, told, watching
from sync.migrations.scripts import give_rights

log = structlog.get_logger(__name__)

_FOLDER = Path(__file__).resolve().parent
_LOCK = 7_465_600_001
"""The advisory lock that lets one migration run at a time. Any number that nobody else in the database uses."""

_STATEMENT_SECONDS = 600

_LOCK_MS = 3000
"""The longest wait for a lock of a table, since all that come later wait behind it.

Longer than a second, after which Postgres ends an autovacuum that is in the way. Shorter than the patience of the API.
"""

_ATTEMPTS = 5
_PAUSE_SECONDS = 2.0

_NEWEST = "head"

E = TypeVar("E", bound=BaseException)


class TablesInUse(Exception):
    """Other transactions have held locks of tables for too long. Nothing was changed; it is safe to try again."""

    def __init__(self, holders: list[asyncpg.Record]) -> None:
        super().__init__("; ".join(map(told, holders)) or "sessions that have ended since")
        self.pids = [row["pid"] for row in holders if row["pid"]]


def migrate(postgres_url: str, revision: str = _NEWEST) -> None:
    """Bring the database to the newest schema and give roles their rights (rights.sql): all of it or nothing.

    Safe to repeat, while others do the same, and while sales go on: later ones wait for the first. It waits a few
    seconds for locks of tables, some times, so that what comes after it goes on in between. Makes tables, and roles
    that are not there, in a database that must exist. Another revision is for tests, and gives no rights. Not for use
    within a running event loop.

    Raises TablesInUse; OSError or asyncpg.PostgresError if Postgres is away or refuses.
    """
    asyncio.run(_migrate(postgres_url, revision))


def cause_of(error: BaseException | None, *kinds: type[E]) -> E | None:
    """The first error of these kinds among an error and its causes, as within one of SQLAlchemy."""
    while error is not None and not isinstance(error, kinds):
        error = error.__cause__ or getattr(error, "orig", None)
    return error


async def _migrate(postgres_url: str, revision: str) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        holders: list[asyncpg.Record] = []
        try:
            await _try_to_migrate(postgres_url, revision, holders)
        except Exception as error:
            if cause_of(error, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) is None:
                raise
            if attempt == _ATTEMPTS:
                raise TablesInUse(holders) from error
            log.warning("migration_waits", sessions=[told(row) for row in holders], attempt=attempt)
        else:
            return
        await asyncio.sleep(_PAUSE_SECONDS)


async def _try_to_migrate(postgres_url: str, revision: str, holders: list[asyncpg.Record]) -> None:
    """One attempt. `holders` are the sessions that it waited for at last."""

    async def connect() -> asyncpg.Connection:
        connection = await asyncpg.connect(postgres_url, timeout=CONNECT_SECONDS, command_timeout=_STATEMENT_SECONDS)
        connection.add_log_listener(_pass_on)
        return connection

    # asyncpg reads the address itself: it knows more kinds of them (sockets, several hosts) than SQLAlchemy does.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with asyncio.timeout(_STATEMENT_SECONDS), engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.execute(text(f"SET LOCAL lock_timeout = {_LOCK_MS}"))
        pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        async with watching(postgres_url, pid, holders):
            await connection.run_sync(_upgrade, revision)
            if revision == _NEWEST:
                await connection.run_sync(give_rights)


def _pass_on(_connection: object, message: asyncpg.PostgresLogMessage) -> None:
    """Log the warnings of scripts."""
    if message.severity_en == "WARNING":
        log.warning("migration", said=message.message)


def _upgrade(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
