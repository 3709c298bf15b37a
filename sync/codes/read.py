"""Codes as Postgres has them."""

from collections.abc import AsyncIterator
from typing import NamedTuple

from engine.words import CodeKind
from sync.codes.terms import StoredCode, code_of
from sync.postgres import Postgres
from sync.sql import statement

_AT_ONCE = 1000


class BoundCode(NamedTuple):
    """A code that only one customer may use."""

    event_id: int
    code: str
    kind: str
    tag: str | None
    created_ms: int


async def read_code(postgres: Postgres, event_id: int, code: str) -> StoredCode | None:
    """A code of an event; None if there is none, or it was withdrawn. Raises PostgresAway."""
    async with postgres.connection() as connection:
        row = await connection.fetchrow(statement("read_code"), event_id, code)
    found = None if row is None else code_of(row)
    return None if found is None or found.fields.withdrawn_at is not None else found


async def list_codes(
    postgres: Postgres,
    event_id: int,
    *,
    tag: str | None = None,
    kind: CodeKind | None = None,
    after: str = "",
    limit: int = _AT_ONCE,
) -> list[StoredCode]:
    """At most `limit` codes of an event that were not withdrawn, in their order, after one. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("list_codes"), event_id, tag, kind and kind.value, after, limit)
    return [code_of(row) for row in rows]


async def all_codes(postgres: Postgres, event_id: int, tag: str | None) -> AsyncIterator[list[StoredCode]]:
    """All of an event's codes with a tag, or all, a thousand at a time. Raises PostgresAway."""
    after = ""
    while found := await list_codes(postgres, event_id, tag=tag, after=after):
        yield found
        after = found[-1].code


async def codes_of_customer(postgres: Postgres, customer_id: str, most: int) -> list[BoundCode]:
    """The codes that are this customer's alone, newest first. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("codes_of_customer"), customer_id, most)
    return [BoundCode(*row) for row in rows]
