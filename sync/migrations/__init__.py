"""The schema of Postgres and how a database gets there: Alembic runs the revisions, their SQL stands beside them."""

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

_FOLDER = Path(__file__).resolve().parent
_LOCK = 7_465_600_001
"""The advisory lock that lets one migration run at a time. Any number that nobody else in the database uses."""

_CONNECT_SECONDS = 10
_STATEMENT_SECONDS = 600


def migrate(postgres_url: str) -> None:
    """Brings the database to the newest schema, all of it or nothing. Does nothing if it is there already.

    Safe while others do the same, and while sales go on: later ones wait for the first. Makes the tables and nothing
    outside of the database, which must exist. Not for use within a running event loop. Raises OSError or
    asyncpg.PostgresError if Postgres is away or refuses.
    """
    asyncio.run(_migrate(postgres_url))


async def _migrate(postgres_url: str) -> None:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(postgres_url, timeout=_CONNECT_SECONDS, command_timeout=_STATEMENT_SECONDS)

    # asyncpg reads the address itself: it knows more kinds of them (sockets, several hosts) than SQLAlchemy does.
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)
    async with asyncio.timeout(_STATEMENT_SECONDS), engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
