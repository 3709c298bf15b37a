"""A waiting room of a box office, and twelve customers who join it."""

from datetime import UTC, datetime

from engine.catalogue import WaitingRoom
from engine.commands.waiting_rooms import JoinQueue, LeaveQueue, ReadQueue
from engine.engine import Engine
from engine.results.waiting_rooms import QueueState
from engine.waiting_rooms import new_proposal
from engine.words import EventStatus
from sync.catalogue.fields import NewEvent, NewTicket
from tests.support.sync.box_office import PRICE_MINOR, BoxOffice

CUSTOMERS = [f"c{number}" for number in range(12)]


async def open_room(office: BoxOffice) -> int:
    """An event whose sale opens far from now, and whose waiting room is open; its id."""
    office.event = await office.catalogue.create_event(
        NewEvent(
            name="Concert",
            starts_at=datetime(2095, 6, 1, 18, tzinfo=UTC),
            sale_opens_at=datetime(2090, 6, 1, 18, tzinfo=UTC),
            status=EventStatus.ON_SALE,
            tickets=[NewTicket("Regular", PRICE_MINOR, 100)],
            waiting_room=WaitingRoom(1, pass_seconds=600, places_per_pass=1, max_inside=None, per_minute=60_000),
        )
    )
    return office.event.event_id


async def look(engine: Engine, event_id: int) -> QueueState:
    state = await engine.submit(ReadQueue(event_id, *new_proposal(), 0))
    assert isinstance(state, QueueState), state
    return state


async def join_all(office: BoxOffice, event_id: int) -> None:
    """All join; two leave, of whom one joins again."""
    for name in CUSTOMERS:
        await office.engine.submit(JoinQueue(event_id, name, *new_proposal()))
    for name in ("c3", "c5"):
        await office.engine.submit(LeaveQueue(event_id, name))
    await office.engine.submit(JoinQueue(event_id, "c3", *new_proposal()))
