"""Check-ins of events, and attendance, as Postgres has them."""

from datetime import datetime

import msgspec

from engine.words import Direction, ScanResult
from sync.postgres import Postgres
from sync.sql import statement

MOST_MINUTES = 1440


class RecordedScan(msgspec.Struct, frozen=True):
    """A scan. `number`, `ticket_id` and `holder` are None for a code that is none of the event.

    `place` is in the order of recording. `other_gate` and `other_at`: the entry that it doubles, if it does.
    """

    place: int
    number: int | None
    ticket_id: int | None
    holder: str | None
    gate: str
    direction: Direction
    result: ScanResult
    offline: bool
    scanned_at: datetime
    recorded_at: datetime
    other_gate: str | None
    other_at: datetime | None


class TicketAttendance(msgspec.Struct, frozen=True):
    """E-tickets of a ticket that are not void: all, those whose holders are inside or went out, those who ever came."""

    ticket_id: int
    expected: int
    inside: int
    outside: int
    came: int


class MinuteOfDoors(msgspec.Struct, frozen=True):
    """The people who came in and went out in a minute."""

    minute: datetime
    entered: int
    left_again: int


async def list_check_ins(
    postgres: Postgres,
    event_id: int,
    *,
    gate: str | None,
    result: ScanResult | None,
    conflict: bool | None,
    before: int | None,
    limit: int,
) -> list[RecordedScan]:
    """Scans, newest first, from the one before `before`; `conflict`: those that the report has, or not.

    Raises PostgresAway.
    """
    async with postgres.connection() as connection:
        rows = await connection.fetch(statement("list_check_ins"), event_id, gate, result, conflict, before, limit)
    return [msgspec.convert(dict(row), RecordedScan) for row in rows]


async def read_attendance(postgres: Postgres, event_id: int) -> tuple[list[TicketAttendance], list[MinuteOfDoors]]:
    """The attendance by ticket, and by minute: the last day of minutes with somebody. Raises PostgresAway."""
    async with postgres.connection() as connection:
        tickets = await connection.fetch(statement("count_etickets"), event_id)
        minutes = await connection.fetch(statement("count_check_ins_by_minute"), event_id, MOST_MINUTES)
    return (
        [msgspec.convert(dict(row), TicketAttendance) for row in tickets],
        [msgspec.convert(dict(row), MinuteOfDoors) for row in minutes],
    )
