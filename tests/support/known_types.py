"""Types of Postgres that asyncpg asks for on each new connection, asked for once in a process.

Each of a thousand tests makes new connections, and each question takes Postgres 9 ms of processor time.
"""

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from asyncpg.connection import Connection

_FIRST_OF_DATABASES = 16384
"""The types below are the same in all databases: FirstNormalObjectId of src/include/access/transam.h in Postgres."""

_ASKED = SimpleNamespace(name="asked before")
"""In place of the statement that asked: asyncpg prepares its own again if that one had no name."""


def know_types() -> None:
    """Lets all connections of this process share the answers."""
    connections: Any = Connection  # whose question has no public name
    ask = connections._introspect_types
    known: dict[frozenset[int], list[Any]] = {}

    async def answer(connection: Any, oids: Iterable[int], seconds: float | None) -> tuple[list[Any], Any]:
        asked = frozenset(oids)
        if asked in known:
            return known[asked], _ASKED
        types, statement = await ask(connection, asked, seconds)
        if max(asked) < _FIRST_OF_DATABASES:
            known[asked] = types
        return types, statement

    connections._introspect_types = answer
