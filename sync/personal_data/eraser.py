"""The erasure of names, phones and contacts: on request, and of reservations and bookings that are long over.

The work is found in Postgres, so it goes on after any restart. Every step is safe to repeat, and safe beside another
worker that does the same. Redis is changed first, by commands whose facts bring the change to Postgres in order. Then
the rows that Redis no longer keeps are changed.
"""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import structlog

from engine.commands.bookings import EraseBooking
from engine.commands.reservations import Erase
from engine.commands.waiting_lists import EraseWaiting
from engine.engine import Engine
from engine.errors import EngineError, Fault
from engine.inspection import server_time_ms
from engine.settings import Settings
from sync.codes.editor import CodeEditor
from sync.outbox.catch_up import catch_up
from sync.personal_data.dead_letters import packed_customer, without_names
from sync.postgres import Postgres, PostgresAway
from sync.sql import statement

log = structlog.get_logger(__name__)

_AT_ONCE = 200
"""Reservations, or bookings, that are erased together."""

_PATIENCE_SECONDS = 5.0
"""The longest wait for Postgres before the next round."""

_ERASED = "{}"


class _Found(NamedTuple):
    """Reservations by id, bookings by event, id and customer, and entries of waiting lists by id."""

    reservations: Sequence[str]
    bookings: Sequence[tuple[int, str, str]]
    waiting: Sequence[str]


async def run_eraser(settings: Settings, engine: Engine, postgres: Postgres) -> None:
    """Looks for requests every `resolve_interval_ms`, and for old names every `purge_interval_ms`, until cancelled."""
    eraser = Eraser(settings, engine, postgres)
    clock = asyncio.get_running_loop().time
    next_retention = clock()
    while True:
        try:
            await eraser.fulfil()
            if settings.personal_data_seconds and clock() >= next_retention:
                await eraser.erase_old()
                next_retention = clock() + settings.purge_interval_ms / 1000
        except (Fault, PostgresAway) as error:
            log.warning("erasure_waits", error=repr(error))
        except EngineError:
            log.exception("erasure_bug")  # what is broken in one place must not stop the worker
        await asyncio.sleep(settings.resolve_interval_ms / 1000)


class Eraser:
    """One round of erasing after the other. Its methods raise Fault, PostgresAway, EngineError."""

    def __init__(self, settings: Settings, engine: Engine, postgres: Postgres) -> None:
        self._engine, self._postgres = engine, postgres
        self._codes = CodeEditor(postgres, engine)
        self._retention_seconds = settings.personal_data_seconds
        # A request that read a record before it was erased may bring it back to Redis for as long as it takes.
        self._grace_ms = 2 * settings.command_timeout_ms

    async def fulfil(self) -> None:
        """Takes each open request one step on; one of which nothing is left, and nothing can come back, is done."""
        async with self._postgres.connection() as connection:
            rows = await connection.fetch(statement("open_erasures"))
        for customer_id, requested_ms in rows:
            began_ms = await server_time_ms(self._engine.redis)
            if not await self._caught_up():
                return
            left = await self._erase_all(customer_id, requested_ms)
            if not left and began_ms >= requested_ms + self._grace_ms:
                async with self._postgres.connection() as connection:
                    await connection.execute(statement("note_erased"), customer_id, requested_ms)
                log.info("customer_erased", requested_ms=requested_ms)

    async def erase_old(self) -> None:
        """Erases the names of what ended longer ago than the settings say."""
        partitions = len(self._engine.keys)
        for partition in range(partitions):
            await self._erase_found("before", partitions, partition, self._retention_seconds, _AT_ONCE)

    async def _erase_all(self, customer_id: str, until_ms: int) -> bool:
        """Erases a customer's data until an instant; returns whether there was anything."""
        of = (customer_id, until_ms, _AT_ONCE)
        found_any = await self._erase_found("of", *of)
        while await self._codes.forget_customer(*of):
            found_any = True
        return await self._erase_dead_letters(customer_id) or found_any

    async def _erase_found(self, which: str, *of: int | str) -> bool:
        """Erases what the statements `named_*` of this kind find, until they find nothing; returns if they found any.

        Raises PostgresAway if somebody else keeps the rows that are left.
        """
        before: _Found | None = None
        while True:
            found = _Found(
                await self._ids(f"named_reservations_{which}", *of),
                await self._places(f"named_bookings_{which}", *of),
                await self._ids(f"named_waiting_{which}", *of),
            )
            if not any(found):
                return before is not None
            if found == before:
                raise PostgresAway("somebody else writes the rows that are left to erase")
            await self._erase(found)
            before = found

    async def _erase(self, found: _Found) -> None:
        """Erases what was found, in Redis and in Postgres, where rows that somebody else writes are left."""
        details = [_booking_details(customer_id) for _, _, customer_id in found.bookings]
        submit = self._engine.submit
        # First those who wait: an offer that is made meanwhile is found as a reservation in the next round.
        await asyncio.gather(*(submit(EraseWaiting(each, _ERASED, _ERASED)) for each in found.waiting))
        await asyncio.gather(*(submit(Erase(rid, _ERASED)) for rid in found.reservations))
        named = zip(found.bookings, details, strict=True)
        await asyncio.gather(*(submit(EraseBooking(event, booking, text)) for (event, booking, _), text in named))
        if not await self._caught_up():
            raise PostgresAway("Postgres does not have the erased records yet")
        async with self._postgres.connection() as connection:
            await connection.execute(statement("erase_holders"), found.reservations)
            await connection.execute(statement("erase_reservations"), found.reservations)  # after all their e-tickets
            events = [event_id for event_id, _, _ in found.bookings]
            ids = [booking_id for _, booking_id, _ in found.bookings]
            await connection.execute(statement("erase_bookings"), events, ids, details)
            await connection.execute(statement("erase_waiting_entries"), found.waiting)

    async def _erase_dead_letters(self, customer_id: str) -> bool:
        """Erases names in dead letters; returns whether there were any."""
        changed = False
        async with self._postgres.connection() as connection:
            for letter_id, fact, error in await connection.fetch(
                statement("dead_letters_with"), packed_customer(customer_id)
            ):
                erased = without_names(fact, customer_id)
                if erased != fact:
                    why = error if erased else f"{error}; emptied, because a customer asked for erasure"
                    await connection.execute(statement("rewrite_dead_letter"), letter_id, erased, why)
                    changed = True
        return changed

    async def _caught_up(self) -> bool:
        """Waits until Postgres has all facts of Redis."""
        engine = self._engine
        return await catch_up(engine.redis, self._postgres, engine.keys, patience_seconds=_PATIENCE_SECONDS)

    async def _ids(self, name: str, *of: int | str) -> list[str]:
        async with self._postgres.connection() as connection:
            return [rid for (rid,) in await connection.fetch(statement(name), *of)]

    async def _places(self, name: str, *of: int | str) -> list[tuple[int, str, str]]:
        async with self._postgres.connection() as connection:
            return [(row[0], row[1], row[2]) for row in await connection.fetch(statement(name), *of)]


def _booking_details(customer_id: str) -> str:
    """The details that stay: the customer, who may see and delete the booking."""
    return msgspec.json.encode({"customer_id": customer_id}).decode() if customer_id else _ERASED
