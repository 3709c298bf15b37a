"""Things that a request with an Idempotency-Key made, so that its repeat finds them and finishes the work.

Things of the catalogue are committed to Postgres, and then published to Redis. A request that fails in between, or
whose process dies, is sent again with its key: it must not make the thing once more.
"""

from typing import NamedTuple

from sync.postgres import Connection
from sync.sql import statement


class Creation(NamedTuple):
    """A request that makes something. `name`: of its key and its body; empty: it has no key.

    A thing is found by it for `keep_seconds`.
    """

    name: str = ""
    keep_seconds: int = 0

    async def made(self, connection: Connection) -> int | None:
        """The id of what it made before, or None. A request with the same name waits until the transaction ends."""
        if not self.name:
            return None
        await connection.execute(statement("lock_creation"), self.name)
        made: int | None = await connection.fetchval(statement("find_creation"), self.name, self.keep_seconds)
        return made

    async def note(self, connection: Connection, made: int) -> None:
        """Notes the id of what it made, in the transaction that makes it, before it is logged.

        Else a request that has the lock of the log could wait for one that waits for the log.
        """
        if self.name:
            await connection.execute(statement("note_creation"), self.name, made, self.keep_seconds)


ONCE = Creation()
"""A request without a key: what it makes is not looked for."""
