"""Audit of the audit log: its chains have no gaps, and each hash follows from the entries."""

import asyncpg
import msgspec

from engine.acting import Actor
from sync.audit_log.entries import NewEntry, entry_hash
from sync.postgres import Connection
from sync.sql import statement

_AT_ONCE = 5000


async def broken_chains(connection: Connection) -> list[str]:
    """Breaches of the audit log, one sentence per chain; none if it is whole."""
    chains = await connection.fetch(statement("audit_log_chains"))
    found = [await _first_breach(connection, chain) for (chain,) in chains]
    return [breach for breach in found if breach]


async def _first_breach(connection: Connection, chain: int) -> str:
    number, previous = 0, b""
    while True:
        rows = await connection.fetch(statement("audit_log_chain"), chain, number, _AT_ONCE)
        for row in rows:
            if row["number"] != number + 1:
                return f"audit log: chain {chain} has no entry {number + 1}, but entry {row['number']}"
            number = row["number"]
            if row["hash"] != entry_hash(previous, row["at"], _said(row)):
                return f"audit log: entry {number} of chain {chain} was changed, or one before it"
            previous = row["hash"]
        if len(rows) < _AT_ONCE:
            return ""


def _said(row: asyncpg.Record) -> NewEntry:
    actor = Actor(
        row["role"], row["actor"], row["action"], row["request_id"], row["token_id"], row["address"], row["reason"]
    )
    before, after = (None if row[name] is None else msgspec.json.decode(row[name]) for name in ("before", "after"))
    return NewEntry(actor, row["resource"], row["event_id"], before, after)
