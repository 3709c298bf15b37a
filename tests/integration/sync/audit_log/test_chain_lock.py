"""The lock of the log's chain, for which every other change of the catalogue waits."""

from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.acting import Actor, acting
from engine.catalogue import WaitingRoom
from engine.commands.waiting_rooms import SetQueue
from engine.engine import Engine
from engine.results.waiting_rooms import QueueState
from engine.settings import Settings
from engine.waiting_rooms import new_proposal
from engine.words import CodeKind, EventStatus
from sync.catalogue.fields import NewEvent, NewTicket, TicketChanges
from sync.catalogue.venues import NewRow, NewSection, NewVenue, VenueChanges, Venues
from sync.codes.editor import CodeEditor
from sync.codes.terms import CodeFields
from sync.postgres import own_connection
from tests.support.sync.box_office import BoxOffice

_STARTS_AT = datetime(2027, 6, 1, tzinfo=UTC)
_ROOM = WaitingRoom(1_790_000_000_000, 600, 4, None, None)
_HELD = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND classid = 7365 AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def test_no_change_calls_redis_while_others_wait_for_the_log(
    office: BoxOffice, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that is slow, or away, would hold up every change of everybody."""
    catalogue, codes = office.catalogue, CodeEditor(office.postgres, office.engine)
    venues = Venues(office.postgres, office.engine)
    hall = await venues.create(NewVenue("Hall", [NewSection("Stalls", [NewRow("A", 3)])]))
    stalls = hall.sections[0]
    event = NewEvent(
        name="Opera",
        starts_at=_STARTS_AT,
        venue_id=hall.venue_id,
        status=EventStatus.ON_SALE,
        waiting_room=_ROOM,
        tickets=[NewTicket("Seat", 100, section_ids=[stalls.section_id]), NewTicket("VIP", 100, 5)],
    )
    made = await catalogue.create_event(event)
    event_id, (seat, vip) = made.event_id, made.tickets
    half = CodeFields(CodeKind.DISCOUNT, percent=50)
    calls: list[str] = []
    held: list[str] = []
    async with own_connection(settings, "test") as watch:

        def watched(call: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
            async def ask(engine: Engine, *arguments: Any) -> Any:
                calls.append(repr(arguments[0]))
                if await watch.fetchval(_HELD):
                    held.append(repr(arguments[0]))
                return await call(engine, *arguments)

            return ask

        monkeypatch.setattr(Engine, "submit", watched(Engine.submit))
        monkeypatch.setattr(Engine, "call", watched(Engine.call))
        with acting(Actor("manager", "m", "change", "r1")):
            await catalogue.create_event(event)
            await catalogue.update_event(event_id, dict(name="Ballet"))
            await catalogue.update_event(event_id, dict(starts_at=_STARTS_AT.replace(day=2)))
            await catalogue.add_ticket(event_id, NewTicket("Late", 100, 5))
            await catalogue.update_ticket(vip.ticket_id, TicketChanges(capacity=9))
            await catalogue.block_seats(event_id, [stalls.rows[0].first_seat_id], blocked=True)
            pause = SetQueue(event_id, *new_proposal(), paused=[1])
            assert isinstance(await catalogue.change_queue(pause, {"paused": True}), QueueState)
            await codes.create(event_id, half, ["HALF"])
            await codes.change(event_id, "HALF", {"max_uses": 5})
            await codes.withdraw(event_id, "HALF")
            await venues.update(hall.venue_id, VenueChanges("Theatre", {}))
            await catalogue.delete_ticket(seat.ticket_id)
            await catalogue.update_event(event_id, dict(status=EventStatus.CANCELLED))
            await catalogue.delete_event(event_id)
    assert len(calls) > 20
    assert held == []
    assert await office.sql("SELECT count(*) FROM audit_log") == 14
