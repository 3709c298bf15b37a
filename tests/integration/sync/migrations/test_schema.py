"""The migrations make the schema that schema.txt lists, so that a change of either is seen in a review.

`python -m tests.support.sync.schema_dump URL` prints that of a migrated database.
"""

import asyncio
import re
from pathlib import Path

import asyncpg

import sync.migrations
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


def test_no_migration_changes_a_type_of_rows() -> None:
    """Workers of the release before send rows as they know them: Postgres would refuse those, and end the workers."""
    scripts = sorted((Path(sync.migrations.__file__).parent / "versions").glob("**/*.sql"))
    texts = {script.stem: script.read_text(encoding="utf-8") for script in scripts}
    assert "CREATE TYPE reservation_row AS" in texts["r0030_rows_of_facts"]
    changing = re.compile(r"\b(ALTER|DROP)\s+TYPE\b", re.IGNORECASE)
    assert [name for name, text in texts.items() if changing.search(text)] == [], "make a new type beside the old one"
