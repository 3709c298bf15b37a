"""Statistics that the API serves, read from two views of the schema `reporting` at the moment they are asked for.

Reports of `onsale report` are in `reports.py`.
"""

from collections.abc import Collection
from datetime import datetime
from typing import TypeVar

import asyncpg
import msgspec

from sync.postgres import Postgres
from sync.sql import statement


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of places, each reservation counted by its present state.

    `reserved` is held, paying and paid; `held` is held and paying, with what exchanges pin while their money comes.
    `refunded` includes refunds that are due. `kept` is refunded and not back on sale. `set_aside` for codes are places
    that are not taken. `revenue_minor` is the price of what is paid now, in minor units of `currency`. `conversion` is
    paid reservations ÷ all that ended (0 to 1), None while none has ended.
    """

    reserved: int
    held: int
    sold: int
    cancelled: int
    expired: int
    refunded: int
    kept: int
    set_aside: int
    revenue_minor: int
    currency: str
    conversion: float | None


F = TypeVar("F", bound=Figures)


class EventFigures(Figures, frozen=True, kw_only=True):
    """Figures of an event.

    `sales_per_minute` is the mean of the last hour: places paid in it and still sold, ÷ 60. `first_sale_at` stays when
    that sale is refunded. `sold_out_at` is when the last place of the capacity was paid, None unless all of it is sold.
    """

    event_id: int
    name: str
    sales_per_minute: float
    first_sale_at: datetime | None
    sold_out_at: datetime | None


class TicketTypeFigures(Figures, frozen=True, kw_only=True):
    """Figures of all tickets of that name and currency, over all events."""

    ticket_type: str


async def list_event_statistics(
    postgres: Postgres, *, limit: int, after: int = 0, of_events: Collection[int] | None = None
) -> list[EventFigures]:
    """At most `limit` events (of `of_events` alone, if given) with ids above `after`, by id. Raises PostgresAway."""
    events = None if of_events is None else sorted(of_events)
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("list_event_statistics"), after, limit, events)
    return [_figures(row, EventFigures) for row in rows]


async def get_event_statistics(postgres: Postgres, event_id: int) -> EventFigures | None:
    """One event, None if there is none of that id. Raises PostgresAway."""
    async with postgres.connection() as connection:
        row = await connection.fetchrow(statement("read_event_statistics"), event_id)
    return None if row is None else _figures(row, EventFigures)


async def list_ticket_type_statistics(
    postgres: Postgres, *, limit: int, after: tuple[str, str] = ("", "")
) -> list[TicketTypeFigures]:
    """At most `limit` ticket types in a currency, above `after`, by name and currency. Raises PostgresAway."""
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("list_ticket_type_statistics"), *after, limit)
    return [_figures(row, TicketTypeFigures) for row in rows]


def _figures(row: asyncpg.Record, kind: type[F]) -> F:
    return msgspec.convert(dict(row), kind)
