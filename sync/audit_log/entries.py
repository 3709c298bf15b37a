"""Entries of the audit log, and how they are appended to their chain.

Each partition's outbox has a chain, and so has the catalogue. An entry's hash covers the hash before it, so nobody can
change, remove or insert entries unseen.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from engine.acting import Actor, current_actor
from sync.postgres import Connection
from sync.sql import statement

CATALOGUE_CHAIN = -1
"""The chain of changes that begin in Postgres; the others are numbered as partitions."""

_JSON = msgspec.json.Encoder(order="deterministic")
_NO_HASH = b""


class NewEntry(msgspec.Struct, frozen=True):
    """A change to log. `before` and `after` are JSON objects, or None where there is nothing to tell."""

    actor: Actor
    resource: str
    event_id: int | None
    before: Any
    after: Any
    action: str = ""
    """Empty: the operation of the actor's request."""

    at: datetime | None = None
    """When it was changed; None: now."""


def entry_hash(previous: bytes, at: datetime, entry: NewEntry) -> bytes:
    """SHA-256 over the hash before it and all that the entry says."""
    actor = entry.actor
    said = [
        round(at.timestamp() * 1000),
        actor.sub,
        actor.role,
        actor.token_id,
        actor.address,
        entry.action or actor.action,
        entry.resource,
        entry.event_id,
        entry.before,
        entry.after,
        actor.request_id,
        actor.reason,
    ]
    return hashlib.sha256(previous + _JSON.encode(said)).digest()


async def append(connection: Connection, chain: int, entries: Sequence[NewEntry]) -> None:
    """Append entries to a chain, within the transaction of their change.

    The chain is locked until the transaction ends, so that no other entry takes the same place.
    """
    if not entries:
        return
    await connection.execute(statement("lock_audit_chain"), chain)
    last = await connection.fetchrow(statement("last_audit_entry"), chain)
    number, previous = (last["number"], last["hash"]) if last else (0, _NO_HASH)
    now: datetime = await connection.fetchval("SELECT date_trunc('milliseconds', clock_timestamp())")
    rows = []
    for entry in entries:
        when = entry.at or now
        number, previous = number + 1, entry_hash(previous, when, entry)
        actor = entry.actor
        rows.append((
            *(chain, number, when, actor.sub, actor.role, actor.token_id, actor.address, entry.action or actor.action),
            *(entry.resource, entry.event_id, _text(entry.before), _text(entry.after)),
            *(actor.request_id, actor.reason, previous),
        ))  # fmt: skip
    await connection.executemany(statement("insert_audit_entry"), rows)


async def log_change(
    connection: Connection, resource: str, *, event_id: int | None = None, before: Any = None, after: Any = None
) -> None:
    """Log a change of the catalogue by the current actor, if there is one, within the transaction of the change.

    What is as it was before is no change. It comes last, after all calls of Redis: until the transaction ends, every
    other change of the catalogue waits.
    """
    actor = current_actor()
    if actor is not None and (before is None or _plain(before) != _plain(after)):
        entry = NewEntry(actor, resource, event_id, _plain(before), _plain(after))
        await append(connection, CATALOGUE_CHAIN, [entry])


def _plain(value: Any) -> Any:
    return msgspec.to_builtins(value)


def _text(value: Any) -> str | None:
    return None if value is None else _JSON.encode(value).decode()
