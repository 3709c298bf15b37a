"""A migrated database that tests use one after the other, emptied before each. A copy takes a hundred times as long."""

import asyncio
from functools import partial
from typing import Self

import asyncpg

from tests.support.waiting import wait_until

_TIMEOUT_SECONDS = 30

_END_OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""

EMPTY = """
DO $$
DECLARE
  each record;
BEGIN
  SET LOCAL session_replication_role = replica;  -- each table by itself, in any order
  FOR each IN
    SELECT oid::regclass AS name, pg_relation_size(oid) AS bytes FROM pg_class
    WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
  LOOP
    IF each.bytes > 500000 THEN
      EXECUTE format('TRUNCATE %s CASCADE', each.name);
    ELSIF each.bytes > 0 THEN
      EXECUTE format('DELETE FROM %s', each.name);
    END IF;
  END LOOP;
  INSERT INTO next_seat (id) VALUES (1);  -- as the migration does
END $$
"""

_BEGIN_IDS = """
SELECT setval(format('%I.%I', schemaname, sequencename), start_value, false) FROM pg_sequences
WHERE last_value IS NOT NULL
"""


class SharedDatabase:
    """The database behind a URL, with a connection of its own. A context manager."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._loop = asyncio.new_event_loop()
        self._connection: asyncpg.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._loop.run_until_complete(self._connection.close(timeout=_TIMEOUT_SECONDS))
        self._loop.close()

    @property
    def name(self) -> str:
        """Its name on the server."""
        return self.url.rpartition("/")[2]

    def empty(self, *, new_ids: bool = True) -> None:
        """Removes all rows, and ends all connections. Not for use within a running event loop.

        `new_ids`: ids begin at 1 again; else they go on where the test before left off.
        """
        self._loop.run_until_complete(self._empty(new_ids=new_ids))

    async def _empty(self, *, new_ids: bool) -> None:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self.url, command_timeout=_TIMEOUT_SECONDS)
            await wait_until(partial(self._is_alone, self._connection), what="nobody else is connected")
            await self._connection.execute(EMPTY)
            if new_ids:
                await self._connection.execute(_BEGIN_IDS)

    async def _is_alone(self, connection: asyncpg.Connection) -> bool:
        return not await connection.fetchval(_END_OTHERS)
