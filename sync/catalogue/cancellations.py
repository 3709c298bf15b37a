"""Events that are cancelled: ending their holds, and recording that everybody must be refunded."""

from datetime import UTC, datetime

from engine.acting import packed_actor
from engine.commands.events import EndEvent
from engine.engine import Engine
from engine.results.events import EventEnded
from sync.audit_log.entries import log_change
from sync.postgres import Connection, Postgres
from sync.sql import statement
from sync.webhooks.messages import write_event_cancelled

_FIRST = "0"
"""The cursor with which a scan of a partition's holds begins and ends."""


async def note_cancellation(connection: Connection, event_id: int, name: str) -> None:
    """Writes down that an event is being cancelled, in the transaction that does it, and tells the webhooks."""
    await connection.execute(statement("insert_cancellation"), event_id, packed_actor())
    await write_event_cancelled(connection, event_id, name, datetime.now(UTC))


async def end_holds(postgres: Postgres, engine: Engine, event_id: int) -> int:
    """Gives every hold of a cancelled event back; returns how many there were. Safe to repeat.

    Raises PostgresAway, Fault.
    """
    given_back, cursor = 0, _FIRST
    while True:
        ended = await engine.submit(EndEvent(event_id, cursor))
        if not isinstance(ended, EventEnded):  # it was never published, so nothing was taken
            break
        given_back, cursor = given_back + ended.given_back, ended.cursor
        if cursor == _FIRST:
            break
    async with postgres.connection() as connection:
        await connection.execute(statement("note_holds_ended"), event_id)
    return given_back


async def request_refunds(postgres: Postgres, event_id: int) -> bool:
    """Asks for the refund of everybody who paid for a cancelled event; the sync worker does it.

    False if the event is not there. Raises PostgresAway.
    """
    async with postgres.transaction() as connection:
        if await connection.fetchval(statement("keep_event"), event_id) is None:
            return False
        if await connection.fetchval(statement("request_refunds"), event_id, packed_actor()):
            await log_change(connection, f"event/{event_id}/refund", event_id=event_id, after={"requested": True})
    return True
