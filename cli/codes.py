"""`onsale codes`: makes codes of an event, lists them, and writes them as CSV."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, TypeVar

import asyncpg

from cli.errors import UserError
from engine.catalogue import EventSnapshot
from engine.codes import CODE_BEGINNING, CODE_PATTERN
from engine.commands.codes import CountCodes
from engine.engine import Engine
from engine.errors import Fault
from engine.results.events import BelowTaken, UnknownPool
from engine.results.holds import SoldOut
from engine.settings import Settings
from engine.stock import CodeCounts
from engine.words import CodeKind
from sync.catalogue.event_rows import EventGone, read_event
from sync.codes.csv_rows import HEAD, csv_row, csv_text
from sync.codes.editor import CodeEditor, MadeCodes, TakenCodes, TooManyCodes
from sync.codes.random_codes import random_codes
from sync.codes.read import all_codes
from sync.codes.terms import CodeFields, StoredCode
from sync.postgres import Postgres, PostgresAway

T = TypeVar("T")

_FORMS = ("percent", "amount_off_minor", "price_minor")


class Shop(NamedTuple):
    """Event and servers that the commands work on."""

    event: EventSnapshot
    postgres: Postgres
    engine: Engine


def make_codes(settings: Settings, event_id: int, fields: CodeFields, names: list[str], count: int, prefix: str) -> str:
    """Makes codes by name or random ones; returns them, a line each. Raises UserError."""
    _check(fields, names, count)
    _check_characters(names, prefix)

    async def make(shop: Shop) -> str:
        codes = names or random_codes(count, prefix)
        unknown = [ticket_id for ticket_id in fields.ticket_ids if ticket_id not in shop.event.ticket_by_id]
        if unknown:
            raise UserError(f"event {event_id} has no ticket {unknown[0]}")
        made = await CodeEditor(shop.postgres, shop.engine).create(event_id, fields, codes)
        match made:
            case MadeCodes():
                return "".join(f"{code}\n" for code in made.codes)
            case TakenCodes():
                raise UserError(f"{', '.join(made.codes[:3])}: such a code is there already; choose other names")
            case TooManyCodes():
                raise UserError(f"event {event_id} has too many codes; make fewer")
            case SoldOut():
                raise UserError(f"only {made.available} places of ticket {made.ticket_id} can be set aside")
            case BelowTaken():
                raise UserError(f"{made.taken} places are taken under the code already; set more aside")
            case UnknownPool():
                raise UserError(f"event {event_id}, or a ticket of it, was deleted just now")
            case _:
                raise UserError("places that are all alike can be set aside, and those of new codes; check the tickets")

    return _run(settings, event_id, make)


def list_as_table(settings: Settings, event_id: int, tag: str | None) -> str:
    """The codes with their uses, a line each. Raises UserError."""

    async def told(shop: Shop) -> str:
        lines = [f"{'code':24} {'kind':10} {'uses':>8} {'held':>8} {'sold':>8}  tag\n"]
        async for stored, counts in _counted(shop, tag):
            limit = stored.fields.max_uses
            uses = f"{counts.uses}/{limit}" if limit else str(counts.uses)
            held, sold = counts.held + counts.paying, counts.sold
            lines.append(
                f"{stored.code:24} {stored.fields.kind:10} {uses:>8} {held:8} {sold:8}  {stored.fields.tag or ''}\n"
            )
        return "".join(line.rstrip() + "\n" for line in lines)

    return _run(settings, event_id, told)


def export_as_csv(settings: Settings, event_id: int, tag: str | None) -> str:
    """The codes as CSV. Raises UserError."""

    async def told(shop: Shop) -> str:
        rows = [csv_row(stored, counts, shop.event.currency) async for stored, counts in _counted(shop, tag)]
        return csv_text([HEAD, *rows])

    return _run(settings, event_id, told)


async def _counted(shop: Shop, tag: str | None) -> AsyncIterator[tuple[StoredCode, CodeCounts]]:
    async for found in all_codes(shop.postgres, shop.event.event_id, tag):
        command = CountCodes(shop.event.event_id, [stored.code for stored in found])
        counted = await shop.engine.submit(command)
        for pair in zip(found, counted.codes, strict=True):
            yield pair


def _check(fields: CodeFields, names: list[str], count: int) -> None:
    if bool(names) == bool(count):
        raise UserError("name codes, or give --count")
    forms = sum(getattr(fields, form) is not None for form in _FORMS)
    if forms != (fields.kind is CodeKind.DISCOUNT):
        raise UserError("a discount, and no other kind, needs one of --percent, --amount-off and --price")
    allots = fields.kind is CodeKind.ALLOCATION
    if allots != (fields.places is not None) or (allots and len(fields.ticket_ids) != 1):
        raise UserError("an allocation, and no other kind, needs --places, and one --ticket")


def _check_characters(names: list[str], prefix: str) -> None:
    wrong = [name for name in names if not re.match(CODE_PATTERN, name)]
    if not re.match(CODE_BEGINNING, prefix):
        wrong.append(prefix)
    if wrong:
        allowed = "up to 64 letters, digits and the characters . _ ~ - (40 in a prefix; not only . or ..)"
        raise UserError(f"{wrong[0]!r} cannot be a code, or begin one; use {allowed}")


def _run(settings: Settings, event_id: int, act: Callable[[Shop], Coroutine[Any, Any, T]]) -> T:
    async def run() -> T:
        async with _shop(settings, event_id) as shop:
            return await act(shop)

    try:
        return asyncio.run(run())
    except EventGone as error:
        raise UserError(f"there is no event {event_id}; check the id") from error
    except (PostgresAway, asyncpg.PostgresError) as error:
        raise UserError(f"Postgres does not answer as expected: {error}; check ONSALE_POSTGRES_URL") from error
    except (Fault, OSError) as error:
        raise UserError(f"Redis does not answer: {error.__cause__ or error}; check ONSALE_REDIS_URL") from error


@asynccontextmanager
async def _shop(settings: Settings, event_id: int) -> AsyncIterator[Shop]:
    async with Engine(settings) as engine, Postgres(settings) as postgres:
        async with postgres.transaction() as connection:
            # Without a lock: a restore keeps those of all events for long.
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            event = await read_event(connection, event_id)
        yield Shop(event, postgres, engine)
