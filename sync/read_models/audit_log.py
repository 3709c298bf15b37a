"""The audit log, as managers read it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from sync.postgres import Postgres
from sync.sql import statement


class AuditPlace(NamedTuple):
    """The place of an entry in the list: newer ones come first."""

    at: datetime
    chain: int
    number: int


class AuditEntry(NamedTuple):
    """An entry of the audit log."""

    place: AuditPlace
    actor: str
    role: str
    action: str
    resource: str
    before: Any
    after: Any
    request_id: str
    reason: str


async def list_audit_entries(
    postgres: Postgres,
    *,
    actor: str | None,
    event_id: int | None,
    action: str | None,
    since: datetime | None,
    until: datetime | None,
    of_events: Sequence[int] | None,
    before: AuditPlace | None,
    limit: int,
) -> list[AuditEntry]:
    """Entries, newest first, from the one before `before`; `of_events`: of these alone. Raises PostgresAway."""
    place = before or (None, None, None)
    async with postgres.connection() as connection:
        rows = await connection.fetch(
            statement("list_audit_entries"), actor, event_id, action, since, until, *place, limit, of_events
        )
    return [audit_entry(row) for row in rows]


def audit_entry(row: asyncpg.Record) -> AuditEntry:
    """The entry of a row."""
    return AuditEntry(
        place=AuditPlace(row["at"], row["chain"], row["number"]),
        actor=row["actor"],
        role=row["role"],
        action=row["action"],
        resource=row["resource"],
        before=_json(row["before"]),
        after=_json(row["after"]),
        request_id=row["request_id"],
        reason=row["reason"],
    )


def _json(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
