"""The migrations make the schema that schema.txt lists, so that a change of either is seen in a review.

`python -m tests.support.sync.schema_dump URL` prints that of a migrated database.
"""

import asyncio
from pathlib import Path

import asyncpg

from cli.dev.embedded import EmbeddedPostgres
from sync.migrations import migrate
from tests.support.sync.schema_dump import dump_schema

_SCHEMA = Path(__file__).with_name("schema.txt")
_TIMEOUT_SECONDS = 30


async def test_migrations_make_the_schema_that_is_listed(postgres: EmbeddedPostgres) -> None:
    expected = _SCHEMA.read_text(encoding="utf-8").splitlines()
    url = await asyncio.to_thread(postgres.ensure_database, "listed_schema")
    await asyncio.to_thread(migrate, url)
    connection = await asyncpg.connect(url, timeout=_TIMEOUT_SECONDS)
    try:
        found = await dump_schema(connection)
        assert (sorted(set(found) - set(expected)), sorted(set(expected) - set(found))) == ([], [])
        assert found == expected
        await connection.execute("ALTER TABLE seats ALTER number DROP NOT NULL", timeout=_TIMEOUT_SECONDS)
        assert await dump_schema(connection) != expected, "a change of one column is noticed"
    finally:
        await connection.close(timeout=_TIMEOUT_SECONDS)
