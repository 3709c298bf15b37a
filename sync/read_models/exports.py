"""Rows for analysts who load them elsewhere: in the order of their changes, from a cursor up to the watermark."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:  # so that the command line knows the names of exports without waiting for a driver to load
    from collections.abc import AsyncIterator, Mapping, Sequence

    from engine.settings import Settings
    from sync.postgres import Connection

Row = tuple[Any, ...]

_LONGEST_MS = 600_000
"""Milliseconds that Postgres may take for a part: it sorts what changed since the cursor."""


class Export(NamedTuple):
    """A view that is exported. `key`: the columns that tell its rows apart.

    `by_change`: its rows come in the order of their changes, and an export goes on from a cursor. Rows of other views
    can change without a later `updated_at`, so they are exported as a whole.
    """

    key: Sequence[str]
    by_change: bool = True


EXPORTS: Mapping[str, Export] = {
    "reservations": Export(("reservation_id",)),
    "items": Export(("reservation_id", "position")),
    "payments": Export(("reservation_id", "payment_id")),
    "holds_by_minute": Export(("event_id", "minute")),
    "revenue_by_section": Export(("event_id", "section_id", "ticket_id", "currency"), by_change=False),
    "funnel": Export(("event_id",), by_change=False),
}
"""By the name of the view, which `onsale export` takes."""


class NotComplete(Exception):
    """Nothing can be exported, because nobody knows what is complete."""


class Column(NamedTuple):
    """A column: its name, and its type as Postgres names it."""

    name: str
    type: str


class Changes(NamedTuple):
    """An open export: its columns, the watermark, and its rows in parts."""

    columns: Sequence[Column]
    complete_to: datetime
    parts: AsyncIterator[list[Row]]


@asynccontextmanager
async def changes(settings: Settings, name: str, after: Sequence[Any] | None, rows: int) -> AsyncIterator[Changes]:
    """The rows of a view that changed after the cursor and before the watermark, `rows` in each part: one snapshot.

    `after`: the values of the last row's cursor columns (`cursor_columns`). Raises NotComplete, PostgresAway.
    """
    from sync.postgres import own_connection, postgres_faults  # noqa: PLC0415  # see above

    patient = msgspec.structs.replace(settings, postgres_timeout_ms=_LONGEST_MS)
    async with (
        own_connection(patient, "onsale-export") as connection,
        postgres_faults(_LONGEST_MS / 1000),
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        complete_to = await connection.fetchval("SELECT complete_to FROM reporting.watermark")
        if complete_to is None:
            raise NotComplete("the sync worker has not reported yet up to when Postgres has all; start `onsale sync`")
        sql, arguments = _query(name, complete_to, after)
        statement = await connection.prepare(sql)
        columns = [Column(each.name, each.type.name) for each in statement.get_attributes()]
        yield Changes(columns, complete_to.astimezone(UTC), _parts(connection, sql, arguments, rows))


def cursor_columns(name: str) -> list[str]:
    """The columns whose values are a cursor."""
    return ["updated_at", *EXPORTS[name].key]


def _query(name: str, complete_to: datetime, after: Sequence[Any] | None) -> tuple[str, list[Any]]:
    """The statement and its arguments. All names are those of EXPORTS."""
    export, columns = EXPORTS[name], ", ".join(cursor_columns(name))
    if not export.by_change:
        return f"SELECT * FROM reporting.{name} ORDER BY {', '.join(export.key)}", []  # noqa: S608  # names of ours
    wanted, arguments = "updated_at < $1", [complete_to]
    if after is not None:
        places = ", ".join(f"${number}" for number in range(2, len(after) + 2))
        wanted, arguments = f"{wanted} AND ({columns}) > ({places})", [complete_to, *after]
    return f"SELECT * FROM reporting.{name} WHERE {wanted} ORDER BY {columns}", arguments  # noqa: S608  # names of ours


async def _parts(connection: Connection, sql: str, arguments: Sequence[Any], rows: int) -> AsyncIterator[list[Row]]:
    cursor = await connection.cursor(sql, *arguments)
    while True:
        part = [tuple(row) for row in await cursor.fetch(rows)]
        if part:
            yield part
        if len(part) < rows:
            return
