"""Waiting rooms beyond Redis: in Postgres, and after a restore."""

from datetime import UTC, datetime, timedelta

from engine.catalogue import WaitingRoom
from engine.commands.waiting_rooms import EnterQueue, FindPlace, JoinQueue, LeaveQueue, ReadQueue
from engine.engine import Engine
from engine.results.waiting_rooms import Placed, QueueState
from engine.settings import Settings
from engine.waiting_rooms import new_proposal
from engine.words import EventStatus
from sync.catalogue.fields import NewEvent, NewTicket
from sync.restore import restore
from tests.support.sync.box_office import PRICE_MINOR, BoxOffice, running
from tests.support.waiting import wait_until

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


async def places(engine: Engine, event_id: int) -> dict[str, tuple[int, int]]:
    """The index and the position of each customer who has a place."""
    found = {name: await engine.submit(FindPlace(event_id, name)) for name in CUSTOMERS}
    return {name: (place.index, place.position) for name, place in found.items() if isinstance(place, Placed)}


async def restored(office: BoxOffice, settings: Settings) -> None:
    """Redis loses everything, once Postgres has it."""
    async with running(office.reader().run()):
        await wait_until(office.outbox_is_empty)
    await office.engine.redis.execute_command("FLUSHDB")
    await restore(settings)


async def join_all(office: BoxOffice, event_id: int) -> None:
    """All join; two leave, of whom one joins again."""
    for name in CUSTOMERS:
        await office.engine.submit(JoinQueue(event_id, name, *new_proposal()))
    for name in ("c3", "c5"):
        await office.engine.submit(LeaveQueue(event_id, name))
    await office.engine.submit(JoinQueue(event_id, "c3", *new_proposal()))


async def test_places_survive_before_the_draw_and_the_draw_is_the_same(office: BoxOffice, settings: Settings) -> None:
    event_id = await open_room(office)
    await join_all(office, event_id)
    before, state = await places(office.engine, event_id), await look(office.engine, event_id)
    await restored(office, settings)
    assert await places(office.engine, event_id) == before
    now = await look(office.engine, event_id)
    assert (now.commitment, now.joined, now.phase) == (state.commitment, 13, "gathering")


async def test_positions_survive_and_whoever_was_inside_enters_again(office: BoxOffice, settings: Settings) -> None:
    event_id = await open_room(office)
    await join_all(office, event_id)
    await office.catalogue.update_event(event_id, {"sale_opens_at": datetime.now(UTC) - timedelta(seconds=1)})
    inside: set[str] = set()

    async def some_are_inside() -> bool:
        for name in CUSTOMERS:
            entered = await office.engine.submit(EnterQueue(event_id, name))
            inside.update([name] if isinstance(entered, Placed) else [])
        return len(inside) >= 4

    await wait_until(some_are_inside)
    before, state = await places(office.engine, event_id), await look(office.engine, event_id)
    await restored(office, settings)
    assert await places(office.engine, event_id) == before
    now = await look(office.engine, event_id)
    assert (now.seed, now.cohort, now.secret, now.digest) == (state.seed, state.cohort, state.secret, state.digest)
    assert max(before[name][1] for name in inside) < now.serving
    again = [await office.engine.submit(EnterQueue(event_id, name)) for name in sorted(inside)]
    assert all(isinstance(entered, Placed) for entered in again), again
