"""Servers of Postgres on copies of one data directory, which is made once for all workers of a session.

It has production's users, an emptied database that is migrated (`DATABASE`), and the same to copy (`TEMPLATE`). To make
all that takes three seconds of processor time, to copy it a tenth of one.
"""

import asyncio
import fcntl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg

from cli.dev.embedded import EmbeddedPostgres
from sync.migrations import migrate
from tests.support.postgres_users import make_users

DATABASE, TEMPLATE = "onsale", "onsale_template"
_TIMEOUT_SECONDS = 30


class PreparedPostgres:
    """The data directory, in a folder of the session; the first who needs it makes it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def server(self, directory: Path) -> Iterator[EmbeddedPostgres]:
        """A running server whose data and log are in a directory of its own."""
        directory.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", self._made(), directory / "postgres"], check=True, timeout=_TIMEOUT_SECONDS)
        with EmbeddedPostgres(directory / "postgres", directory / "postgres.log", durable=False) as server:
            yield server

    def _made(self) -> Path:
        prepared = self._folder / "prepared-postgres"
        with (self._folder / "prepared-postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not prepared.exists():
                unfinished = self._folder / "unfinished-postgres"
                self._make(unfinished)
                unfinished.rename(prepared)
        return prepared

    def _make(self, directory: Path) -> None:
        with EmbeddedPostgres(directory, directory.with_suffix(".log"), durable=False) as server:
            make_users(server)
            migrate(server.ensure_database(TEMPLATE))
            make_database(server, DATABASE)


def make_database(server: EmbeddedPostgres, name: str) -> None:
    """Makes a migrated database, as a copy."""
    asyncio.run(_execute(server.url(), f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"'))


def drop_database(server: EmbeddedPostgres, name: str) -> None:
    """Removes a database, and ends what uses it."""
    asyncio.run(_execute(server.url(), f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _execute(url: str, statement: str) -> None:
    admin = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    try:
        await admin.execute(statement, timeout=_TIMEOUT_SECONDS)
    finally:
        await admin.close(timeout=_TIMEOUT_SECONDS)
