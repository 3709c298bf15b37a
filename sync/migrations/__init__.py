"""The schema of Postgres and how a database gets there: Alembic runs the revisions, their SQL stands beside them."""

import asyncio
from pathlib import Path

import asyncpg
import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from sync.migrations.scripts import give_rights

log = structlog.get_logger(__name__)

_FOLDER = Path(__file__).resolve().parent
_LOCK = 7_465_600_001
"""The advisory lock that lets one migration run at a time. Any number that nobody else in the database uses."""

_CONNECT_SECONDS = 10
_STATEMENT_SECONDS = 600

_NEWEST = "head"


def migrate(postgres_url: str, revision: str = _NEWEST) -> None:
    """Bring the database to the newest schema and give roles their rights (rights.sql): all of it or nothing.

    Safe to repeat, while others do the same, and while sales go on: later ones wait for the first. Makes tables, and
    roles that are not there, in a database that must exist. Another revision is for tests, and gives no rights.
    Not for use within a running event loop. Raises OSError or asyncpg.PostgresError if Postgres is away or refuses.
    """
    asyncio.run(_migrate(postgres_url, revision))


async def _migrate(postgres_url: str, revision: str) -> None:
    async def connect() -> asyncpg.Connection:
        connection = await asyncpg.connect(postgres_url, timeout=_CONNECT_SECONDS, command_timeout=_STATEMENT_SECONDS)
        connection.add_log_listener(_pass_on)
        return connection

    # asyncpg reads the address itself: it knows more kinds of them (sockets, several hosts) than SQLAlchemy does.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with asyncio.timeout(_STATEMENT_SECONDS), engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
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
