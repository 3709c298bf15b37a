"""Events, tickets and schedules as rows of Postgres."""

from functools import cache
from typing import Any

import asyncpg
import msgspec

from engine.catalogue import EventSnapshot, Schedule, TicketSnapshot, WaitingList, WaitingRoom
from engine.errors import EngineBug
from sync.catalogue.fields import EventFields, NewTicket, TicketFields
from sync.postgres import Connection
from sync.sql import statement


class EventGone(EngineBug):
    """The event was deleted meanwhile."""


async def note_change(connection: Connection, event_id: int, *ticket_ids: int) -> bool:
    """Gives a changed event, and those of its tickets that are, another revision; False if there is no such event."""
    return await connection.fetchval(statement("new_revision"), event_id, list(ticket_ids)) is not None


async def read_event(connection: Connection, event_id: int) -> EventSnapshot:
    """The event by three statements: of one state only if the transaction is REPEATABLE READ. Raises EventGone."""
    return await _read_event(connection, event_statement("read_event"), event_id)


async def lock_event(connection: Connection, event_id: int) -> EventSnapshot:
    """The event as it is in this transaction (READ COMMITTED), locked until its end. Raises EventGone."""
    return await _read_event(connection, f"{event_statement('read_event')}\nFOR UPDATE", event_id)


async def _read_event(connection: Connection, event_sql: str, event_id: int) -> EventSnapshot:
    event = await connection.fetchrow(event_sql, event_id)
    tickets = await connection.fetch(statement("read_tickets"), event_id)
    schedule = await connection.fetchrow(statement("read_schedule"), event_id)
    if event is None:
        raise EventGone(f"event {event_id} was deleted")
    fields = event_fields(event) | {
        "tickets": [TicketSnapshot(**ticket) for ticket in tickets],
        "schedule": Schedule(**schedule) if schedule else None,
    }
    return msgspec.convert(fields, EventSnapshot)


async def put_schedule(connection: Connection, event_id: int, schedule: Schedule) -> None:
    """Replaces the schedule of an event."""
    columns = [schedule.capacity, schedule.times, schedule.weekdays, schedule.closed]
    await connection.execute(statement("put_schedule"), event_id, *columns)


async def insert_tickets(connection: Connection, event_id: int, tickets: list[NewTicket]) -> list[int]:
    """Inserts tickets of an event, and the sections that they offer; returns their ids."""
    values = [[getattr(ticket, name) for ticket in tickets] for name in TicketFields.__struct_fields__]
    ticket_ids = await connection.fetch(ticket_statement("insert_tickets"), event_id, *values)
    offered = [
        (ticket_id, position, section_id)
        for (ticket_id,), ticket in zip(ticket_ids, tickets, strict=True)
        for position, section_id in enumerate(ticket.section_ids)
    ]
    if offered:
        columns = [list(column) for column in zip(*offered, strict=True)]
        await connection.execute(statement("insert_ticket_sections"), event_id, *columns)
    return [ticket_id for (ticket_id,) in ticket_ids]


@cache
def event_statement(name: str) -> str:
    """A statement of sync/sql about all EventFields. Their columns are put in here: as `*_ms` where a snapshot is read.

    A new field is thus a column, a field of EventFields, and one of EventSnapshot.
    """
    columns = EventFields.__struct_fields__
    return statement(name).format(
        **_columns_of(columns),
        snapshot_columns=", ".join(
            f"milliseconds({column}) AS {column[:-3]}_ms" if column.endswith("_at") else column for column in columns
        ),
    )


_TICKET_ARRAYS = (
    "text[]",
    "bigint[]",
    "integer[]",
    "boolean[]",
    "boolean[]",
    "timestamptz[]",
    "timestamptz[]",
    "integer[]",
    "text[]",
)
"""The types of lists of TicketFields, in Postgres."""


@cache
def ticket_statement(name: str) -> str:
    """A statement of sync/sql about all TicketFields; their columns are put in here."""
    arrays = ", ".join(f"${number}::{kind}" for number, kind in enumerate(_TICKET_ARRAYS, 2))
    return statement(name).format(**_columns_of(TicketFields.__struct_fields__), arrays=arrays)


def _columns_of(names: tuple[str, ...]) -> dict[str, object]:
    """The columns of a statement, the parameters that they are set to, and the number of the next parameter."""
    values = ", ".join(f"${number}" for number in range(1, len(names) + 1))
    return {"columns": ", ".join(names), "values": values, "next": len(names) + 1}


def event_values(event: EventFields) -> list[Any]:
    """The values of EventFields in their order, as Postgres stores them."""
    values = [getattr(event, name) for name in EventFields.__struct_fields__]
    stored = WaitingRoom | WaitingList
    return [msgspec.json.encode(value).decode() if isinstance(value, stored) else value for value in values]


def event_fields(row: asyncpg.Record) -> dict[str, Any]:
    """The fields of an event's row; of its waiting room and its waiting list Postgres has the text."""
    kinds = {"waiting_room": WaitingRoom, "waiting_list": WaitingList}
    texts = {name: row[name] for name in kinds}
    stored = {
        name: None if text is None else msgspec.json.decode(text, type=kinds[name]) for name, text in texts.items()
    }
    return dict(row) | stored
