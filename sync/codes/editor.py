"""Codes are made, changed and withdrawn in Postgres, and published to Redis, which decides by them.

The two cannot be written at once, so the order decides what a crash leaves behind:
- New codes are committed first. Left behind: nobody can use them yet.
- A change is announced (terms of its own that are not published), then published, then committed.
Either way terms are marked as not published, and `publish_missing` publishes them as Postgres has them.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

import asyncpg
import msgspec
import structlog

from engine.commands.codes import PutCodes, PutCodesRefusal
from engine.engine import Engine
from engine.results.codes import CodesPut
from engine.results.events import UnknownPool
from engine.words import CodeKind
from sync.audit_log.entries import log_change
from sync.codes.terms import COLUMNS, CodeFields, StoredCode, code_of, fields_of
from sync.creations import ONCE, Creation
from sync.postgres import Connection, Postgres
from sync.sql import statement

log = structlog.get_logger(__name__)

AT_ONCE = 1000
"""The number of codes in one command."""

_ROWS_AT_ONCE = 5000
"""The number of codes in one statement, which has no more time than any other."""

_MANY_SECONDS = 60
"""Time for many codes, beyond that of one statement."""

MOST_CODES = 1_000_000
"""The most codes of one event, withdrawn ones too: some 200 MB of Redis."""


class MadeCodes(NamedTuple):
    """These codes can be used."""

    codes: list[str]


class TakenCodes(NamedTuple):
    """These codes are there already. Nothing was made."""

    codes: list[str]


class TooManyCodes(NamedTuple):
    """The event would have more than `MOST_CODES`. Nothing was made."""


class _Inserted(NamedTuple):
    """Codes are in Postgres, with these terms. `before`: an earlier request with the same key made them."""

    terms_id: int
    before: bool


class CodeEditor:
    """Edits codes and publishes them. Every method raises PostgresAway, or Fault when Redis is away."""

    def __init__(self, postgres: Postgres, engine: Engine) -> None:
        self._postgres, self._engine = postgres, engine

    async def create(
        self, event_id: int, fields: CodeFields, codes: Sequence[str], creation: Creation = ONCE
    ) -> MadeCodes | TakenCodes | TooManyCodes | PutCodesRefusal:
        """Makes codes that differ from each other, all or none.

        Safe to repeat if it raised: what was begun is finished. That is what the same creation made, or just these
        codes with these fields, if they are not published yet.
        Answers UnknownPool for an event that is not there. Raises OutOfMemory.
        """
        await self._engine.check_memory()
        inserted = await self._insert(event_id, fields, codes, creation)
        if isinstance(inserted, TakenCodes):
            begun = await self._begun(event_id, fields, codes)
            if begun is None:
                return inserted
            inserted = begun
        if isinstance(inserted, TooManyCodes | UnknownPool):
            return inserted
        refusal = await self._publish_new(event_id, inserted.terms_id)
        if refusal is not None:
            await self._undo(event_id, inserted.terms_id, fields)
            return refusal
        return MadeCodes(await self._codes_of(inserted.terms_id) if inserted.before else list(codes))

    async def _insert(
        self, event_id: int, fields: CodeFields, codes: Sequence[str], creation: Creation
    ) -> _Inserted | TakenCodes | TooManyCodes | UnknownPool:
        """The terms of new codes, which are in Postgres then, or of those that the creation made before."""
        taken: list[str] = []
        try:
            async with self._postgres.transaction(_MANY_SECONDS) as connection:
                made = await creation.made(connection)
                if made is not None and await connection.fetchrow(statement("lock_code_terms"), made) is not None:
                    return _Inserted(made, before=True)
                if await connection.fetchval(statement("keep_event"), event_id) is None:
                    return UnknownPool(0)
                known = await connection.fetchval(statement("count_codes"), event_id, MOST_CODES)
                if known + len(codes) > MOST_CODES:
                    return TooManyCodes()
                terms_id: int = await connection.fetchval(
                    _with_columns("insert_code_terms"), event_id, *fields.values()
                )
                await creation.note(connection, terms_id)
                # In one order: of two requests with the same codes one waits for the other.
                ordered = sorted(codes)
                for first in range(0, len(ordered), _ROWS_AT_ONCE):
                    some = ordered[first : first + _ROWS_AT_ONCE]
                    rows = await connection.fetch(statement("insert_codes"), event_id, terms_id, some)
                    taken.extend(sorted(set(some).difference(code for (code,) in rows)))
                if taken:
                    raise _Undone(TakenCodes(taken[:100]))
                # Counted again, under a lock, with all that others made meanwhile.
                await connection.execute(statement("lock_number_of_codes"), event_id)
                if await connection.fetchval(statement("count_codes"), event_id, MOST_CODES + 1) > MOST_CODES:
                    raise _Undone(TooManyCodes())
                after = {"count": len(codes), "codes": list(codes[:10]), **_told(fields)}
                await log_change(connection, f"event/{event_id}/codes", event_id=event_id, after=after)
                return _Inserted(terms_id, before=False)
        except _Undone as undone:
            return undone.result

    async def _begun(self, event_id: int, fields: CodeFields, codes: Sequence[str]) -> _Inserted | None:
        """The terms of just these codes, with these fields, that are not published; None if there are none."""
        async with self._postgres.connection(_MANY_SECONDS) as connection:
            row = await connection.fetchrow(statement("read_code"), event_id, codes[0])
            if row is None or row["published"] or fields_of(row) != fields:
                return None
            ((wanted, there),) = await connection.fetch(statement("compare_codes"), row["id"], list(codes))
            return _Inserted(row["id"], before=False) if wanted == there == len(codes) else None

    async def _codes_of(self, terms_id: int) -> list[str]:
        """The codes that have these terms, in their order."""
        async with self._postgres.connection(_MANY_SECONDS) as connection:
            return [code async for codes in _slices(connection, terms_id) for code in codes]

    async def change(self, event_id: int, code: str, changes: Mapping[str, Any]) -> StoredCode | PutCodesRefusal | None:
        """Changes these CodeFields of a code; None if there is no such code. Holds that name it keep their terms."""
        return await self._change(event_id, code, changes)

    async def withdraw(self, event_id: int, code: str) -> bool:
        """Withdraws a code; what is set aside for it is on sale again. False: there is no such code."""
        changed = await self._change(event_id, code, {"withdrawn_at": datetime.now(UTC)})
        return changed is not None

    async def forget_customer(self, customer_id: str, until_ms: int, most: int) -> bool:
        """Withdraws codes that are a customer's alone, and forgets whose they were; returns whether there were any."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("codes_bound_to"), customer_id, until_ms, most)
        for event_id, code in rows:
            async with self._postgres.connection() as connection:
                row = await connection.fetchrow(statement("read_code"), event_id, code)
            gone = {"withdrawn_at": row["withdrawn_at"] or datetime.now(UTC)} if row else {}
            await self._change(event_id, code, {**gone, "customer_id": None, "tag": None}, withdrawn_too=True)
        return bool(rows)

    async def publish_missing(self) -> int:
        """Publishes terms that Redis may not have as Postgres has them. Returns how many."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("unpublished_code_terms"))
        for (terms_id,) in rows:
            async with self._postgres.transaction(_MANY_SECONDS) as connection:
                row = await connection.fetchrow(statement("lock_code_terms"), terms_id)
                if row is None or row["published"]:
                    continue
                fields = fields_of(row)
                await self._follow(connection, row["event_id"], terms_id, fields)
                await connection.execute(statement("mark_codes_published"), terms_id)
        return len(rows)

    async def _change(
        self, event_id: int, code: str, changes: Mapping[str, Any], *, withdrawn_too: bool = False
    ) -> StoredCode | PutCodesRefusal | None:
        known = await self._announce(event_id, code, withdrawn_too=withdrawn_too)
        if known is None:
            return None
        try:
            async with self._postgres.transaction() as connection:
                row = await _locked(connection, event_id, code)
                if row is None:
                    return None
                before = code_of(row)
                after = msgspec.structs.replace(before.fields, **changes)
                result = await self._engine.submit(PutCodes(event_id, after.terms(), [code]))
                if not isinstance(result, CodesPut):
                    raise _RefusedError(result)
                terms_id = await connection.fetchval(_with_columns("insert_code_terms"), event_id, *after.values())
                await connection.execute(statement("move_code"), event_id, code, terms_id)
                await connection.execute(statement("delete_unused_code_terms"), before.terms_id)
                await connection.execute(statement("mark_codes_published"), terms_id)
                await log_change(
                    connection,
                    f"event/{event_id}/code/{code}",
                    event_id=event_id,
                    before={name: getattr(before.fields, name) for name in changes},
                    after={name: getattr(after, name) for name in changes},
                )
                return StoredCode(code, terms_id, before.created_at, after)
        except _RefusedError as refused:
            async with self._postgres.connection() as connection:
                await connection.execute(statement("mark_codes_published"), known)
            return refused.result

    async def _announce(self, event_id: int, code: str, *, withdrawn_too: bool) -> int | None:
        """Gives a code terms of its own, that are not published: a crash is found by them. None: there is no code."""
        async with self._postgres.transaction() as connection:
            row = await _locked(connection, event_id, code)
            if row is None or (row["withdrawn_at"] is not None and not withdrawn_too):
                return None
            terms_id: int = await connection.fetchval(
                _with_columns("insert_code_terms"), event_id, *fields_of(row).values()
            )
            await connection.execute(statement("move_code"), event_id, code, terms_id)
            await connection.execute(statement("delete_unused_code_terms"), row["id"])
            return terms_id

    async def _publish_new(self, event_id: int, terms_id: int) -> PutCodesRefusal | None:
        """Publishes new codes, a slice after the other; or the first refusal."""
        async with self._postgres.transaction(_MANY_SECONDS) as connection:
            row = await connection.fetchrow(statement("lock_code_terms"), terms_id)
            if row is None or row["published"]:
                return None  # the sync worker was faster
            terms = fields_of(row).terms()
            async for codes in _slices(connection, terms_id):
                result = await self._engine.submit(PutCodes(event_id, terms, codes, is_new=True))
                if not isinstance(result, CodesPut):
                    return result
            await connection.execute(statement("mark_codes_published"), terms_id)
        return None

    async def _undo(self, event_id: int, terms_id: int, fields: CodeFields) -> None:
        """Takes codes back that cannot be made."""
        gone = msgspec.structs.replace(fields, withdrawn_at=datetime.now(UTC)).terms()
        async with self._postgres.transaction(_MANY_SECONDS) as connection:
            await connection.execute(statement("keep_event"), event_id)
            for name in ("lock_codes_of_terms", "lock_code_terms"):
                await connection.execute(statement(name), terms_id)
            if fields.kind is CodeKind.ALLOCATION:
                async for codes in _slices(connection, terms_id):
                    await self._engine.submit(PutCodes(event_id, gone, codes))
            await connection.execute(statement("delete_code_terms"), terms_id)
            await log_change(connection, f"event/{event_id}/codes", event_id=event_id, after={"undone": True})

    async def _follow(self, connection: Connection, event_id: int, terms_id: int, fields: CodeFields) -> None:
        """Publishes terms as they are, an allocation as far as there are places: Postgres follows then."""
        terms, one_by_one = fields.terms(), fields.kind is CodeKind.ALLOCATION
        async for codes in _slices(connection, terms_id, 1 if one_by_one else AT_ONCE):
            result = await self._engine.submit(PutCodes(event_id, terms, codes, follows=one_by_one))
            if isinstance(result, UnknownPool):
                return  # the event or the ticket is gone, and the code is of no use
            if not isinstance(result, CodesPut):
                log.error("codes_not_published", event_id=event_id, terms_id=terms_id, result=repr(result))
            elif one_by_one and not terms.withdrawn and result.places < terms.places:
                log.warning("allocation_reduced", event_id=event_id, codes=codes, places=result.places)
                await connection.execute(statement("set_code_places"), terms_id, result.places)


class _Undone(Exception):
    """Rolls a creation back."""

    def __init__(self, result: TakenCodes | TooManyCodes) -> None:
        self.result = result


class _RefusedError(Exception):
    """Rolls a change back that Redis refuses."""

    def __init__(self, result: PutCodesRefusal) -> None:
        self.result = result


async def _locked(connection: Connection, event_id: int, code: str) -> asyncpg.Record | None:
    """A code with its terms, both locked; None if there is no such code.

    The terms are read once the code is locked: who had the lock before gave it other terms.
    """
    await connection.execute(statement("keep_event"), event_id)
    await connection.execute(statement("lock_code"), event_id, code)
    return await connection.fetchrow(f"{statement('read_code')}\nFOR UPDATE", event_id, code)


async def _slices(connection: Connection, terms_id: int, size: int = AT_ONCE) -> AsyncIterator[list[str]]:
    """The codes that have these terms."""
    after = ""
    while rows := await connection.fetch(statement("codes_of_terms"), terms_id, after, size):
        yield [code for (code,) in rows]
        after = rows[-1]["code"]


def _told(fields: CodeFields) -> dict[str, Any]:
    """Details of new codes for the audit log."""
    told = {name: getattr(fields, name) for name in COLUMNS}
    return {name: value for name, value in told.items() if value not in (None, [])}


@cache
def _with_columns(name: str) -> str:
    columns = ", ".join(COLUMNS)
    values = ", ".join(f"${number}" for number in range(2, len(COLUMNS) + 2))
    return statement(name).format(columns=columns, values=values)
